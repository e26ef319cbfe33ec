"""SQL text cut into tokens, more strictly than ClickHouse does, and put together again.

What is checked and what is run is the text that `canonical` makes of the tokens, never what was sent: comments are
gone, and whatever two parsers could read in two ways (heredocs, hex strings, `$`, escapes in names, …) is refused here.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from breakeven_collector.sql.errors import SqlError, denied

MAX_TEXT_BYTES: Final = 65_536
"""Longest query."""
MAX_TOKENS: Final = 8_000
"""Most words and symbols in a query."""
MAX_DEPTH: Final = 48
"""Deepest nesting of brackets."""


class Kind(Enum):
    """What a token is."""

    WORD = "word"
    QUOTED = "quoted"
    STRING = "string"
    NUMBER = "number"
    PARAMETER = "parameter"
    SYMBOL = "symbol"


@dataclass(frozen=True)
class Token:
    """A token in its one spelling. A quoted name has backquotes, a parameter is `{name:Type}`."""

    kind: Kind
    text: str

    @property
    def word(self) -> str:
        """An unquoted word in upper case, else empty."""
        return self.text.upper() if self.kind is Kind.WORD else ""


_TOKEN: Final = re.compile(
    r"""
      (?P<gap>[ \t\r\n\f]+|--[^\n]*|/\*.*?\*/)
    | (?P<string>'(?:[^'\\]|\\.|'')*')
    | `(?P<backquoted>[^`"\\]*)`
    | "(?P<doublequoted>[^`"\\]*)"
    | \{\s*(?P<parameter>[A-Za-z_]\w{0,63})\s*:\s*(?P<type>[A-Za-z0-9_(),\s'/]{1,200}?)\s*\}
    | (?P<number>(?:\d+(?:\.\d*)?|(?<![\w)\]`"])\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<symbol>->|::|\|\||<=|>=|<>|!=|==|[()\[\],.+\-*/%=<>;])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ADJACENT: Final = frozenset({Kind.WORD, Kind.QUOTED, Kind.NUMBER, Kind.STRING})
# Characters given by number could spell, in the engine's listing of the query, what is not there.
_NUMBERED_ESCAPE: Final = re.compile(r"(?<!\\)(?:\\\\)*\\[xuUN0-9]")
_SPOOF: Final = re.compile(r"\((?:alias|children) ")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u0085\u2028\u2029]")
_TYPE_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_PLAIN_TYPES: Final = frozenset(
    {
        *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)),
        *("Float32", "Float64", "String", "Bool", "Date", "Date32", "DateTime", "DateTime64", "UUID"),
        *("Decimal", "Decimal32", "Decimal64", "Decimal128", "Decimal256"),
    }
)
_TYPES: Final = _PLAIN_TYPES | {"Nullable", "LowCardinality", "Array", "Map", "Tuple"}
_TYPE: Final = re.compile(r"[A-Za-z0-9]+(?:[(),\s]|[A-Za-z0-9]|'[A-Za-z0-9_+\-/]*')*")
_DATED: Final = re.compile(r"'\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?'")


def tokens(text: str) -> list[Token]:
    """Cut a query into tokens; one `;` at the end is dropped.

    Raises:
        SqlError: it is too long, or holds what is not understood.
    """
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise SqlError(62, f"the query is longer than {MAX_TEXT_BYTES} bytes")
    if control := _CONTROL.search(text):
        raise SqlError(62, f"the query holds the control character U+{ord(control[0]):04X}; leave it out")
    found: list[Token] = []
    at, depth, touching = 0, 0, False
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise SqlError(62, f"{text[at : at + 20]!r} at character {at + 1} is not understood")
        at = match.end()
        if match["gap"] is not None:
            touching = False
            continue
        token = _token(match)
        if touching and found and token.kind in _ADJACENT and found[-1].kind in _ADJACENT:
            raise SqlError(62, f"put a space between {found[-1].text[:20]} and {token.text[:20]}")
        depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
        if not 0 <= depth <= MAX_DEPTH:
            raise SqlError(62 if depth < 0 else 306, "brackets do not match" if depth < 0 else "brackets nest too deep")
        found.append(token)
        touching = True
        if len(found) > MAX_TOKENS:
            raise SqlError(62, f"the query has more than {MAX_TOKENS} words and symbols")
    if depth:
        raise SqlError(62, "brackets do not match")
    if found and found[-1].text == ";":
        found.pop()
    for before, token, after in zip([None, *found], found, [*found[1:], None], strict=False):
        # Elsewhere it would belong to a number once the text is put together again.
        if token.text == "." and not (_ends_a_name(before) and _follows_a_dot(after)):
            raise SqlError(62, "there is a . where none is understood")
    if any(token.text == ";" for token in found):
        raise denied("one query at a time: there is a ; in the middle")
    if not found:
        raise SqlError(62, "the query is empty")
    return found


def _ends_a_name(token: Token | None) -> bool:
    return token is not None and (token.kind in (Kind.WORD, Kind.QUOTED) or token.text in (")", "]"))


def _follows_a_dot(token: Token | None) -> bool:
    return token is not None and (token.kind in (Kind.WORD, Kind.QUOTED, Kind.NUMBER) or token.text == "*")


def _token(match: re.Match[str]) -> Token:
    if (string := match["string"]) is not None:
        if _NUMBERED_ESCAPE.search(string) or _SPOOF.search(string.replace("\\", "")):
            raise denied("a string may not hold \\x, \\u, \\N, \\0 to \\9 or '(alias ', '(children '")
        return Token(Kind.STRING, string)
    if (parameter := match["parameter"]) is not None:
        if not is_type(match["type"]):
            raise denied(f"a parameter may not have the type {match['type']}")
        return Token(Kind.PARAMETER, f"{{{parameter}:{match['type']}}}")
    for name in ("backquoted", "doublequoted"):
        quoted = match[name]
        if quoted is not None:
            if not quoted or _SPOOF.search(quoted) or not quoted.isprintable():
                raise denied(f"{quoted[:40]!r} may not be a name")
            return Token(Kind.QUOTED, f"`{quoted}`")
    for kind in (Kind.NUMBER, Kind.WORD, Kind.SYMBOL):
        if match[kind.value] is not None:
            return Token(kind, match[kind.value])
    raise AssertionError(match)  # pragma: no cover


def is_type(text: str) -> bool:
    """Whether a type is one that values may be made into: plain ones, and arrays, maps and tuples of them."""
    words = _TYPE_WORD.findall(re.sub(r"'[^']*'", "", text))
    return bool(_TYPE.fullmatch(text)) and bool(words) and all(word in _TYPES for word in words)


def canonical(found: list[Token]) -> str:
    """The one text that is checked and run."""
    parts: list[str] = []
    for token in found:
        if parts and token.text != "." and parts[-1] != ".":
            parts.append(" ")
        parts.append(token.text)
    return "".join(parts)


def template(found: list[Token]) -> str:
    """The query without its numbers and dates, on which no verdict depends: dashboards ask again with other times."""
    return " ".join(
        "0" if t.kind is Kind.NUMBER else "''" if t.kind is Kind.STRING and _DATED.fullmatch(t.text) else t.text
        for t in found
    )


def take_format(found: list[Token]) -> tuple[list[Token], str | None]:
    """Split `FORMAT Name` off the end."""
    if len(found) > 2 and found[-2].word == "FORMAT" and found[-1].kind is Kind.WORD:
        return found[:-2], found[-1].text
    return found, None


def parameters(found: list[Token]) -> dict[str, str]:
    """The parameters of a query: name → type."""
    pairs = (t.text[1:-1].partition(":") for t in found if t.kind is Kind.PARAMETER)
    return {name: kind for name, _, kind in pairs}


def sample_value(kind: str) -> str:
    """Any value of a parameter's type, in the form of a `param_…`."""
    inner = re.sub(r"\b(?:Nullable|LowCardinality)\(", "", kind)
    for start, value in (
        *(("Array", "[]"), ("Map", "{}"), ("String", "x"), ("Bool", "true"), ("DateTime", "2000-01-01 00:00:00")),
        *(("Date", "2000-01-01"), ("UUID", "00000000-0000-0000-0000-000000000000")),
    ):
        if inner.startswith(start):
            return value
    if inner.startswith("Tuple"):
        raise denied("a parameter may not be a tuple; give its parts")
    return "1"
