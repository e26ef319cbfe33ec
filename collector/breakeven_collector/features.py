"""`breakeven.toml`: who owns a feature and what it may cost."""

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from breakeven_collector.errors import ConfigError


@dataclass(frozen=True)
class Feature:
    """What is declared about a feature under `[features.NAME]`."""

    owner: str | None = None
    """Team or person who answers for it."""
    cost_centre: str | None = None
    """Where finance books it."""
    budget_usd_per_month: Decimal | None = None
    """What it may cost a month."""


def load_features(path: Path) -> dict[str, Feature]:
    """Name → what is declared. A file that is not there declares nothing.

    Raises:
        ConfigError: the file cannot be read, or a key or value does not fit; the message names it.
    """
    if not path.exists():
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from None
    tables = _table(document.get("features", {}), f"{path}: features")
    return {
        name: _feature(_table(table, f"{path}: features.{name}"), f"{path}: features.{name}")
        for name, table in tables.items()
    }


def _table(value: object, at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{at} must be a table; write [features.NAME]")
    return cast(dict[str, Any], value)


def _feature(table: dict[str, Any], at: str) -> Feature:
    known = {"owner", "cost_centre", "budget_usd_per_month"}
    if unknown := sorted(table.keys() - known):
        raise ConfigError(f"{at}: unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}")
    for key in ("owner", "cost_centre"):
        if key in table and not isinstance(table[key], str):
            raise ConfigError(f"{at}.{key} is {table[key]!r}; write it as text in quotes")
    budget = table.get("budget_usd_per_month")
    if budget is not None:
        number = isinstance(budget, int | Decimal) and not isinstance(budget, bool) and Decimal(budget).is_finite()
        if not number or budget < 0:
            shown = str(budget) if isinstance(budget, Decimal) else repr(budget)
            raise ConfigError(f"{at}.budget_usd_per_month is {shown}; write a number of USD, 0 or more")
        budget = Decimal(budget)
    return Feature(table.get("owner"), table.get("cost_centre"), budget)
