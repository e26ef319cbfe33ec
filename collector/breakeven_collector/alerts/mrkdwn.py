"""Text as Slack takes it: names from strangers stay text, and nothing is longer than may be.

Slack reads `<!channel>`, `<@U…>` and `<url|text>` as commands, so `&`, `<` and `>` are escaped. Beside that every text
is sent `verbatim`, so that no `@here` in it is looked up, and an `@` gets an invisible sign behind it: the plain text
of a notification has no such switch.
"""

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Final
from urllib.parse import quote

from slack_sdk.models.blocks import MarkdownTextObject

from breakeven_collector.render import money, printable

_ESCAPES: Final = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "@": "@\u200b",
    # They would make half of a sentence bold or struck through; Slack has no escape for them.
    "*": "\u2217",
    "`": "\u02cb",
}
_MOST_URL: Final = 600
_MORE: Final = "…"


def length(text: str) -> int:
    """How long Slack may take a text to be: in UTF-16 units, which are never fewer than characters."""
    return len(text.encode("utf-16-le")) // 2


def escaped(text: str, most: int, *, code: bool = False) -> str:
    """A text from wherever, harmless, at most so long as it is sent.

    Args:
        text: any.
        most: units of the result, at least 1.
        code: leave `backticks` to Slack: the text is of our own, and may hold a command.
    """
    pieces: list[str] = []
    left = most
    for char in printable(text).strip():
        piece = char if code and char == "`" else _ESCAPES.get(char, char)
        pieces.append(piece)
        left -= length(piece)
        if left < 0:
            break
    else:
        return "".join(pieces)
    left -= length(_MORE)
    while left < 0 and pieces:
        left += length(pieces.pop())
    return "".join(pieces) + _MORE


def bold(text: str, most: int) -> str:
    """The same, in bold; empty where the text is."""
    inner = escaped(text, most - 2)
    return f"*{inner}*" if inner else ""


def within(lines: Iterable[str], most: int) -> str:
    """Lines that are not empty, one below the other; those that find no room are left out."""
    text = ""
    for line in lines:
        longer = f"{text}\n{line}" if text else line
        if line and length(longer) <= most:
            text = longer
    return text


def link(base: str, path: str, words: str) -> str:
    """A link to a path below an address; empty where there is no address, or the link would be endless.

    Args:
        base: `https://host` or `https://host/below`; empty: no link.
        path: begins with a slash; parameters in it are encoded already.
        words: our own.
    """
    if not base:
        return ""
    # What would end the link early is encoded, and what is encoded already stays so.
    url = quote(base.rstrip("/") + "/" + path.lstrip("/"), safe="/:?#[]!$'()*+,;=%~-._&", errors="replace").replace(
        "&", "&amp;"
    )
    return f"<{url}|{words}>" if length(url) <= _MOST_URL else ""


def mrkdwn(text: str) -> MarkdownTextObject:
    """A text object that Slack looks nothing up in."""
    return MarkdownTextObject(text=text, verbatim=True)


def dollars(amount_usd: float | None, *, is_estimate: bool = False) -> str:
    """An amount as the report prints it; `?` where it is not known, `~` before what has an estimate in it."""
    if amount_usd is None or not math.isfinite(amount_usd):
        return "?"
    return f"{'~' if is_estimate else ''}{money(str(Decimal(repr(amount_usd))))}"
