"""A row of an export, and what its fields hold: text that may be JSON, times in several forms, counts, dollars."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast

from breakeven_collector.errors import BreakevenError

LONGEST: Final = 200
"""Characters that are kept of a name: what is longer is no name."""

_MOST_TOKENS: Final = 1_000_000_000


class BadRow(BreakevenError):
    """A row that cannot be taken; the message says why, and never quotes more than the value at fault."""


@dataclass(frozen=True)
class Row:
    """One record of a file.

    Attributes:
        file: Name of the file.
        line: Its line; in a JSON array or a Parquet file the number of the record.
        values: By column.
    """

    file: str
    line: int
    values: Mapping[str, Any]

    def text(self, *names: str) -> str:
        """The first of these columns that holds something, as text; else empty."""
        for name in names:
            value = self.values.get(name)
            if value is not None and not isinstance(value, dict | list) and (told := _unicode(str(value)).strip()):
                return told
        return ""

    def name(self, *names: str) -> str:
        """The same, if it is short enough to be a name."""
        return as_name(self.text(*names))

    def mapping(self, *names: str) -> dict[str, Any]:
        """The first of these columns that holds an object, or an object as JSON; else an empty one."""
        for name in names:
            if found := as_mapping(self.values.get(name)):
                return found
        return {}

    def list(self, *names: str) -> list[Any]:
        """The first of these columns that holds a list, or a list as JSON; else an empty one."""
        for name in names:
            value = _from_json(self.values.get(name))
            if isinstance(value, list) and value:
                return cast(list[Any], value)
        return []

    def tokens(self, *names: str) -> int | None:
        """A count of tokens; None where none of these columns has one.

        Raises:
            BadRow: it is no count.
        """
        for name in names:
            if (value := self.values.get(name)) is not None and value != "":
                return as_tokens(value, name)
        return None

    def usd(self, *names: str) -> Decimal | None:
        """Dollars; None where none of these columns has any.

        Raises:
            BadRow: it is no number.
        """
        for name in names:
            if (value := self.values.get(name)) is not None and value != "":
                return as_usd(value, name)
        return None

    def time(self, *names: str) -> datetime | None:
        """A moment; None where none of these columns has one.

        Raises:
            BadRow: it is no time.
        """
        for name in names:
            if (value := self.values.get(name)) is not None and value != "":
                return as_time(value, name)
        return None

    def at(self, path: str) -> str:
        """What stands at a path such as `metadata.team.feature`: a column, then keys of the objects in it. In a list of
        tags it is the one that begins with `key:`.
        """
        column, _, rest = path.partition(".")
        value = _from_json(self.values.get(column))
        while rest and isinstance(value, dict):
            inside = cast(dict[str, Any], value)
            if rest in inside:
                value, rest = inside[rest], ""
            else:
                key, _, rest = rest.partition(".")
                value = _from_json(inside.get(key))
        if rest and isinstance(value, list):
            return dict(tags_of(cast(list[Any], value))).get(rest, "")
        return "" if rest or value is None or isinstance(value, dict | list) else as_name(str(value).strip())


def as_mapping(value: Any) -> dict[str, Any]:
    """An object, or one as JSON; else an empty one. Pairs, as Parquet has maps, are one too."""
    value = _from_json(value)
    if isinstance(value, dict):
        return {str(key): inside for key, inside in cast(dict[Any, Any], value).items()}
    if isinstance(value, list) and value and all(isinstance(v, tuple) and len(cast(Any, v)) == 2 for v in value):  # pyright: ignore[reportUnknownVariableType]
        return {str(key): inside for key, inside in cast(list[tuple[Any, Any]], value)}
    return {}


def as_name(value: str) -> str:
    """A name, or nothing where it is too long to be one: then it may be a text that nobody wants stored."""
    return _unicode(value) if len(value) <= LONGEST and "\n" not in value else ""


def as_tokens(value: Any, name: str) -> int:
    """A count of tokens.

    Raises:
        BadRow: it is no whole number from 0 to a billion.
    """
    try:
        number = Decimal(str(value))
        count = int(number)
    except (InvalidOperation, ValueError, OverflowError):
        raise BadRow(f"{name} is {_short(value)}: not a count of tokens") from None
    if isinstance(value, bool) or number != count or not 0 <= count <= _MOST_TOKENS:
        raise BadRow(f"{name} is {_short(value)}: not a count of tokens")
    return count


def as_usd(value: Any, name: str) -> Decimal:
    """Dollars.

    Raises:
        BadRow: it is no number of dollars.
    """
    try:
        usd = Decimal(str(value))
    except InvalidOperation:
        raise BadRow(f"{name} is {_short(value)}: not a number of dollars") from None
    if isinstance(value, bool) or not usd.is_finite() or not 0 <= usd < 1_000_000:
        raise BadRow(f"{name} is {_short(value)}: not a number of dollars for one call")
    return round(usd, 15)


def as_time(value: Any, name: str) -> datetime:
    """A moment: ISO 8601, as SQL prints it, or Unix time in seconds or milliseconds. Without a zone it is UTC.

    Raises:
        BadRow: it is no time, or outside 2020 up to tomorrow.
    """
    told = str(value).strip()
    try:
        if isinstance(value, datetime):
            moment = value
        elif re.fullmatch(r"\d{10}(\.\d+)?|\d{13}", told):
            moment = datetime.fromtimestamp(float(told) / (1000 if len(told) == 13 else 1), UTC)
        else:
            moment = datetime.fromisoformat(told)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRow(f"{name} is {_short(value)}: not a time; write it like 2026-11-01T12:00:00Z") from None
    if moment.year < 2020 or (moment - datetime.now(UTC)).total_seconds() > 86_400:
        raise BadRow(f"{name} is {_short(value)}: before 2020 or in the future")
    return moment


def tags_of(tags: list[Any]) -> Iterator[tuple[str, str]]:
    """Tags as name and value: `feature:search` is feature, search; a tag without a colon has the value true."""
    for tag in tags:
        if isinstance(tag, str) and (told := as_name(tag.strip())):
            name, colon, value = told.partition(":")
            yield (name.strip(), value.strip() if colon else "true")


def _from_json(value: Any) -> Any:
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return value
    # Helicone's export tool doubles the quotes in a CSV twice.
    for told in (value, value.replace('""', '"')):
        try:
            return json.loads(told)
        except (ValueError, RecursionError):
            continue
    return value


def _unicode(told: str) -> str:
    """The text, with `?` for halves of characters, which pass for JSON and nowhere else."""
    return told.encode("utf-8", "replace").decode()


def _short(value: Any) -> str:
    return repr(value if len(str(value)) <= 40 else f"{str(value)[:40]}…")
