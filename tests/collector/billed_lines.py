"""Puts lines of a provider's account into a store, as the importers do."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from breakeven_collector.imports.keep import Imports, Origin
from breakeven_collector.imports.lines import Account, Line
from breakeven_collector.store import Store


def insert_billed(store: Store, lines: Sequence[Mapping[str, Any]], project: str = "default") -> None:
    """One import a provider; `day` stands for from_time and to_time, and amounts are in USD unless they say another."""
    for source in sorted({line["provider"] for line in lines}):
        Imports(store).add(account_of(source, lines), Origin("test", extent="whole"), project)


def account_of(source: str, lines: Sequence[Mapping[str, Any]]) -> Account:
    """The lines of one provider as its account."""
    return Account(source, [_line(line) for line in lines if line["provider"] == source])


def _line(line: Mapping[str, Any]) -> Line:
    rest = {name: value for name, value in line.items() if name != "day"}
    day: date = line["day"]
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    money: dict[str, Any] = {"amount": line["amount_usd"], "currency": "USD"} if "amount_usd" in line else {}
    return Line(part="", from_time=start, to_time=start + timedelta(days=1), **{**money, **rest})
