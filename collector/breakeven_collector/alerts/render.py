"""Alerts on a terminal."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from breakeven_collector.economics.words import rise, usd
from breakeven_collector.render import at_full_width, printable


def alerts_table(rows: Sequence[Mapping[str, Any]], timezone: ZoneInfo) -> RenderableType:
    """How it stands, as `service.list_alerts` says."""
    table = _table("Rule", "About", "State", "Since")
    for row in rows:
        snoozed = row.get("snoozed_until")
        state = f"snoozed until {_when(snoozed, timezone)}" if snoozed else str(row["state"])
        table.add_row(row["rule"], _name(row["subject"]), state, _when(row["since"], timezone), _text(row["headline"]))
    return table


def history_table(rows: Sequence[Mapping[str, Any]], timezone: ZoneInfo) -> RenderableType:
    """What was told, as `service.history` says."""
    table = _table("When", "Rule", "About", "Told")
    for row in rows:
        table.add_row(
            _when(row["at"], timezone), row["rule"], _name(row["subject"]), row["change"] or "–", _text(row["headline"])
        )
    return table


def events_table(events: Sequence[Mapping[str, Any]], timezone: ZoneInfo) -> RenderableType:
    """Events with their strongest causes."""
    table = _table("When", "Rule", "About", "Told")
    for one in events:
        why = [f"{cause['what']}: {cause['detail']}{_dollars(cause)}" for cause in one["why"][:2]]
        told = Group(_text(one["headline"]), *(Text(printable(text), style="dim") for text in why))
        table.add_row(_when(one["at"], timezone), one["rule"], _name(one["subject"]), one["change"], told)
    return table


def print_table(table: RenderableType, console: Console | None = None) -> None:
    """To a terminal, or a pipe at full width."""
    at_full_width(console or Console()).print(table)


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title, no_wrap=True)
    table.add_column("What", ratio=1)
    return table


def _when(moment: str | None, timezone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(timezone):%Y-%m-%d %H:%M}" if moment else "–"


def _dollars(cause: Mapping[str, Any]) -> str:
    value = cause["usd"]
    return "" if value is None or usd(abs(value)) in cause["detail"] else f", {rise(value)}"


def _name(subject: str) -> Text:
    return Text(printable(subject) or "–")


def _text(text: str) -> Text:
    return Text(printable(text))
