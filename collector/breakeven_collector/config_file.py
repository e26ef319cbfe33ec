"""`breakeven.toml` as a document, and checks of single values that say where they stand and what to write instead."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NoReturn, cast

from breakeven_collector.errors import ConfigError

ALWAYS: Final = date(1970, 1, 1)
"""What holds from the beginning holds from here."""
_LAST: Final = date(2106, 1, 1)
"""ClickHouse's DateTime ends soon after."""


def read_config(path: Path) -> dict[str, Any]:
    """The file as a document; empty where there is none. Numbers with a point are Decimal.

    Raises:
        ConfigError: it cannot be read, or is not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from None
    return parse_config(text, path)


def parse_config(text: str, path: Path) -> dict[str, Any]:
    """The document that a text is; `path` is for the message.

    Raises:
        ConfigError: it is not TOML.
    """
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None


@dataclass(frozen=True)
class Place:
    """Somewhere in the file, to name in a message: `breakeven.toml: features.search`."""

    text: str

    def __truediv__(self, key: str) -> "Place":
        return Place(f"{self.text}.{key}")

    def fail(self, message: str) -> NoReturn:
        """Raise ConfigError with the place in front."""
        raise ConfigError(f"{self.text}{message}")

    def table(self, value: object, write: str) -> dict[str, Any]:
        """The value, which must be a table; `write` shows how one is written."""
        if not isinstance(value, dict):
            self.fail(f" must be a table; write {write}")
        return cast(dict[str, Any], value)

    def tables(self, value: object, write: str) -> list[dict[str, Any]]:
        """The value, which must be a list of tables."""
        rows = cast(list[object], value) if isinstance(value, list) else None
        if rows is None or not all(isinstance(row, dict) for row in rows):
            self.fail(f" must be a list of tables; write {write} for each")
        return cast(list[dict[str, Any]], rows)

    def only(self, table: dict[str, Any], known: Iterable[str]) -> None:
        """Nothing else may stand in the table."""
        if unknown := sorted(table.keys() - set(known)):
            self.fail(f": unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}")

    def string(self, value: object) -> str:
        """The value, which must be text."""
        if not isinstance(value, str):
            self.fail(f" is {shown(value)}; write it as text in quotes")
        return value

    def name(self, value: object) -> str:
        """The value, which must be the name of a feature."""
        name = self.string(value)
        if not name.strip():
            self.fail(f" is {name!r}; write the name of a feature")
        return name

    def flag(self, value: object) -> bool:
        """The value, which must be true or false."""
        if not isinstance(value, bool):
            self.fail(f" is {shown(value)}; write true or false")
        return value

    def strings(self, value: object) -> tuple[str, ...]:
        """The value, text or a list of texts, of which there must be one."""
        if isinstance(value, list) and value:
            return tuple(self.string(one) for one in cast(list[object], value))
        if not isinstance(value, str):
            self.fail(f" is {shown(cast(object, value))}; write text in quotes, or a list of texts")
        return (value,)

    def day(self, value: object) -> date:
        """The value, which must be a date without time."""
        text = str(value) if isinstance(value, date) else shown(value)
        if not isinstance(value, date) or isinstance(value, datetime):
            self.fail(f" is {text}; write a date without quotes, for example 2026-07-01 (it begins at 00:00 UTC)")
        if not ALWAYS <= value < _LAST:
            self.fail(f" is {text}; write a date from 1970 to 2105, or leave it out for always")
        return value

    def period(self, table: dict[str, Any], start: str, end: str) -> "Period":
        """When something holds, from two keys that may be left out."""
        period = Period(
            (self / start).day(table[start]) if start in table else None,
            (self / end).day(table[end]) if end in table else None,
        )
        if period.start and period.end and period.end <= period.start:
            self.fail(
                f": {end} {period.end} is not after {start} {period.start}; {end} is the first day it no longer holds"
            )
        return period

    def usd(self, value: object) -> Decimal:
        """The value, which must be an amount."""
        number = isinstance(value, int | Decimal) and not isinstance(value, bool) and Decimal(value).is_finite()
        if not number or cast(Decimal, value) < 0:
            self.fail(f" is {shown(value)}; write a number of USD, 0 or more")
        return Decimal(cast(Decimal, value))


@dataclass(frozen=True)
class Period:
    """Whole UTC days; an end that is None is open."""

    start: date | None = None
    """First day."""
    end: date | None = None
    """First day after."""

    def holds(self, day: date) -> bool:
        """Whether the day is in it."""
        return (self.start is None or self.start <= day) and (self.end is None or day < self.end)

    def meets(self, other: "Period") -> bool:
        """Whether some day is in both."""
        return (self.start is None or other.end is None or self.start < other.end) and (
            other.start is None or self.end is None or other.start < self.end
        )

    @property
    def days(self) -> set[date]:
        """Days on which something changes."""
        return {day for day in (self.start, self.end) if day is not None}

    def __str__(self) -> str:
        return " ".join([*([f"from {self.start}"] if self.start else []), *([f"until {self.end}"] if self.end else [])])


def shown(value: object) -> str:
    """A value as one would recognise it in the file."""
    return str(value) if isinstance(value, Decimal) else repr(value)


def today() -> date:
    """The UTC day."""
    return datetime.now(UTC).date()
