"""The week's digest as a message."""

from typing import Final

from slack_sdk.models.blocks import Block

from breakeven_collector.alerts.events import Digest, Line
from breakeven_collector.alerts.messages import MOST_TEXT, Links, Message, Room, as_message, context, header, section
from breakeven_collector.alerts.mrkdwn import bold, dollars, escaped, length, link
from breakeven_collector.render import counted

_MOST_SECTIONS: Final = 12
_MOST_LINES: Final = 8
_MOST_LINE: Final = 250


def digest_message(digest: Digest, links: Links) -> Message:
    """One message; sections that are empty are left out, and of long ones the rest is counted."""
    room = Room()
    week = f"The week from {digest.first:%d %b} to {digest.last:%d %b %Y}"
    headline = escaped(digest.headline, 1000)
    blocks: list[Block] = [header(week)]
    if room.takes(headline):
        blocks.append(section(headline))
    there = [one for one in digest.sections if one.lines]
    left_out = len(there)
    for one in there[:_MOST_SECTIONS]:
        text = _section(one.title, one.lines)
        if not room.takes(text):
            break
        left_out -= 1
        blocks.append(section(text))
    rest = f"and {counted(left_out, 'more section')}" if left_out else ""
    project = f"project {escaped(digest.project, 100)}" if digest.project else ""
    small = " · ".join(part for part in (rest, project, link(links.page_url, digest.page, "Page")) if part)
    if room.takes(small):
        blocks.append(context(small))
    return as_message(f"{week}: {headline}", blocks)


def _section(title: str, lines: tuple[Line, ...]) -> str:
    text = bold(title, 200)
    for told, line in enumerate(lines):
        one = f"\n• {_line(line)}"
        rest = f"\n• and {len(lines) - told} more"
        if told == _MOST_LINES or length(text + one + rest) > MOST_TEXT:
            return text + rest
        text += one
    return text


def _line(line: Line) -> str:
    name, text = escaped(line.name, _MOST_LINE), escaped(line.text, _MOST_LINE)
    amount = dollars(line.usd) if line.usd is not None and "$" not in line.text else ""
    return " ".join(part for part in (f"{name}:" if name and (text or amount) else name, amount, text) if part)
