"""The tie-out for people (a table) and for spreadsheets (CSV)."""

import csv
import io
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from breakeven_collector.render import at_full_width, counted, money, percent, printable

PARTS: Final[Mapping[str, str]] = {
    "unseen": "unseen usage",
    "no_span": "no span can show it",
    "price": "other prices than ours",
    "unseen_or_price": "unseen or priced otherwise",
    "not_billed": "seen, not billed",
    "open": "days still open",
    "rest": "rounding, unexplained",
}
NOTHING: Final = (
    "No provider's account was imported for these days: there is nothing to compare with.\n"
    "Bring one in with `breakeven import openai --days 90` or `breakeven import anthropic --days 90` (a read-only\n"
    "admin key in the environment), or from a file: `breakeven import openai|anthropic|focus FILE…`."
)
_MOST: Final = 20
_LEAST: Final = Decimal("0.0001")
"""Share of the bill below which a finding is only counted."""


def tieout_csv(document: Mapping[str, Any]) -> str:
    """The rows as CSV, a header first; unknown figures are empty."""
    out = io.StringIO()
    rows = document["rows"]
    names = list(rows[0]) if rows else [document["by"], "billed_usd", "seen_usd"]
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def print_tieout(document: Mapping[str, Any], console: Console | None = None) -> None:
    """Print headline, what the difference is made of, the findings, the rows and what to do."""
    console = at_full_width(console or Console())
    if not document["imported"]:
        console.print(NOTHING, markup=False, highlight=False)
        return
    totals, period = document["totals"], document["period"]
    console.print(
        Text.assemble(
            (f"{signed(totals['billed_usd'])} billed, {signed(totals['seen_usd'])} seen", "bold"),
            f"  tied out {percent(totals['tied_out'], absent='?')}, {period['from']} to {period['to']} (UTC)",
        )
    )
    table = _table("Difference", "Dollars")
    for part, amount in document["parts"].items():
        if Decimal(amount):
            table.add_row(PARTS[part], signed(amount))
    table.add_section()
    table.add_row("billed − seen", signed(totals["difference_usd"]))
    console.print("", table, "")
    findings = [one for one in document["findings"] if one["part"] not in ("open", "rest")]
    least = max(abs(Decimal(totals["billed_usd"])), abs(Decimal(totals["seen_usd"]))) * _LEAST
    shown = [one for one in findings if abs(Decimal(one["usd"])) >= least][:_MOST]
    for one in shown:
        console.print(Text(f"  {describe(one)}"), soft_wrap=True)
    if len(findings) > len(shown):
        console.print(f"  … and {len(findings) - len(shown)} smaller: --format json shows all", highlight=False)
    rows = _table(
        str(document["by"]).capitalize(), "Billed", "Seen", "Tied out", "Unseen", "No span", "Prices", "Other"
    )
    for row in document["rows"]:
        if not Decimal(row["billed_usd"]) and not Decimal(row["seen_usd"]):
            continue
        other = sum(Decimal(row[f"{part}_usd"]) for part in ("unseen_or_price", "not_billed", "open", "rest"))
        rows.add_row(
            printable(row[document["by"]] or "(none)") + (" (open)" if row["open"] else ""),
            signed(row["billed_usd"]),
            signed(row["seen_usd"]),
            percent(row["tied_out"], absent=""),
            *(signed(row[f"{part}_usd"]) for part in ("unseen", "no_span", "price")),
            signed(f"{other:f}"),
        )
    console.print("", rows)
    for line in _notes(document):
        console.print(Text(printable(line)), soft_wrap=True)


def describe(one: Mapping[str, Any]) -> str:
    """A finding in a line."""
    amount = ("~" if one["estimated"] else "") + signed(one["usd"])
    where = ", ".join(printable(one[name]) for name in ("provider", "project", "model", "item") if one[name])
    share = one["seen_share"]
    if one["part"] == "unseen":
        what = f"key {printable(one['key'])}" if one["key"] else "no key told"
        seen = "no span has it" if share == 0 else f"spans show {percent(share)} of it: the others were dropped"
        return f"{what}: {amount}, {seen} ({where})"
    what = f"key {printable(one['key'])}: " if one["key"] else ""
    reason = f": {one['reason']}" if one["reason"] not in (None, PARTS[one["part"]]) else ""
    return f"{what}{amount} {PARTS[one['part']]} ({where}){reason}"


def signed(amount: str) -> str:
    """USD with its sign before the dollar."""
    value = Decimal(amount)
    return f"−{money(f'{-value:f}')}" if value < 0 else money(amount)


def _notes(document: Mapping[str, Any]) -> list[str]:
    notes: list[str] = []
    if document["proposals"]:
        notes += ["", "A contract that would explain the prices; enter it if you have it:"]
        notes += [f"  {one['command']}" for one in document["proposals"]]
    if document["open_days"]:
        notes.append(f"Still open at the provider, and not in the percentage: {', '.join(document['open_days'])}")
    if document["estimated"]:
        notes.append("~ estimated: the account has quantities but no money; dollars are by our prices.")
    if unknown := document["unknown_amounts"]["lines"]:
        currencies = ", ".join(document["unknown_amounts"]["currencies"]) or "no amount"
        notes.append(f"{counted(unknown, 'line')} of the bill left out: no amount in USD ({currencies})")
    return notes


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column(first, overflow="fold", min_width=20)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table
