"""`[features.NAME]` of `breakeven.toml`: who owns a feature and what it may cost, by date."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from breakeven_collector.config_file import Place, read_config, today

_TEXTS: Final = ("owner", "cost_centre", "lifecycle")
_AMOUNTS: Final = ("budget_usd_per_month", "plan_usd_per_month")


@dataclass(frozen=True)
class Change:
    """What is different about a feature from a day on."""

    start: date
    """First UTC day."""
    values: tuple[tuple[str, str | Decimal], ...]
    """Field of Feature → what it is from then on."""


@dataclass(frozen=True)
class Feature:
    """What is declared about a feature under `[features.NAME]`."""

    owner: str | None = None
    """Team or person who answers for it."""
    cost_centre: str | None = None
    """Where finance books it."""
    budget_usd_per_month: Decimal | None = None
    """What it may cost a month."""
    lifecycle: str | None = None
    """Where it is in its life, in the company's own words: pilot, live, retired, …"""
    plan_usd_per_month: Decimal | None = None
    """What it is expected to cost a month."""
    changes: tuple[Change, ...] = ()
    """By day."""

    def on(self, day: date) -> "Feature":
        """What holds on a UTC day."""
        values: dict[str, Any] = {}
        for change in self.changes:
            if change.start <= day:
                values.update(change.values)
        return replace(self, **values, changes=())


def load_features(path: Path, on: date | None = None) -> dict[str, Feature]:
    """Name → what is declared for a UTC day, today where left out. A file that is not there declares nothing.

    Raises:
        ConfigError: the file cannot be read, or a key or value does not fit; the message names it.
    """
    day = on or today()
    declared = parse_features(read_config(path).get("features", {}), Place(f"{path}: features"))
    return {name: feature.on(day) for name, feature in declared.items()}


def parse_features(value: object, at: Place) -> Mapping[str, Feature]:
    """Name → what is declared, with all changes.

    Raises:
        ConfigError: a key or value does not fit.
    """
    tables = at.table(value, "[features.NAME]")
    return {name: _feature((at / name).table(table, "[features.NAME]"), at / name) for name, table in tables.items()}


def _feature(table: dict[str, Any], at: Place) -> Feature:
    at.only(table, (*_TEXTS, *_AMOUNTS, "changes"))
    changes: list[Change] = []
    for number, row in enumerate(
        (at / "changes").tables(table.get("changes", []), f"[[{at.text.split(': ')[-1]}.changes]]"), 1
    ):
        place = Place(f"{at.text}.changes {number}")
        place.only(row, (*_TEXTS, *_AMOUNTS, "from"))
        if "from" not in row:
            place.fail(": from is missing; write the first day of the change, for example from = 2026-07-01")
        changes.append(Change((place / "from").day(row["from"]), tuple(_values(row, place).items())))
    starts = [change.start for change in changes]
    if len(set(starts)) < len(starts):
        twice = next(day for day in starts if starts.count(day) > 1)
        at.fail(f".changes: two changes from {twice}; write one with all that changes on that day")
    return Feature(**_values(table, at), changes=tuple(sorted(changes, key=lambda change: change.start)))


def _values(table: dict[str, Any], at: Place) -> dict[str, Any]:
    return {
        **{key: (at / key).string(table[key]) for key in _TEXTS if key in table},
        **{key: (at / key).usd(table[key]) for key in _AMOUNTS if key in table},
    }
