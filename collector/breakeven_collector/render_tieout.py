"""The tie-out for people (a table) and for spreadsheets (CSV)."""

import csv
import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from breakeven_collector.render import at_full_width, money, percent, printable

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
    return rows_csv(document["rows"], [document["by"], "billed_usd", "seen_usd"])


def rows_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Rows as CSV, with a header of their names; of `columns` where there is no row."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else columns, lineterminator="\n")
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
    about = "~" if document["estimated"] else ""
    guessed = {one["part"] for one in document["findings"] if one["estimated"]}
    console.print(
        Text.assemble(
            (f"{billed_text(totals)}, {signed(totals['seen_usd'])} seen", "bold"),
            f"  tied out {about}{percent(totals['tied_out'], absent='?')}, {period['from']} to {period['to']} (UTC)",
        )
    )
    table = _table("Difference", "Dollars")
    for part, amount in document["parts"].items():
        if Decimal(amount):
            table.add_row(PARTS[part], ("~" if part in guessed else "") + signed(amount))
    table.add_section()
    table.add_row(
        "billed and estimated − seen" if about else "billed − seen", f"{about}{signed(totals['difference_usd'])}"
    )
    console.print("", table, "")
    findings = [one for one in document["findings"] if one["part"] not in ("open", "rest")]
    least = max(abs(Decimal(totals[name] or 0)) for name in ("billed_usd", "estimated_usd", "seen_usd")) * _LEAST
    shown = [one for one in findings if abs(Decimal(one["usd"])) >= least][:_MOST]
    for one in shown:
        console.print(Text(f"  {describe(one)}"), soft_wrap=True)
    if len(findings) > len(shown):
        console.print(f"  … and {len(findings) - len(shown)} smaller: --format json shows all", highlight=False)
    names = ("Billed", *(("Estimated",) if about else ()), "Seen", "Tied out", "Unseen", "No span", "Prices", "Other")
    rows = _table(str(document["by"]).capitalize(), *names)
    for row in document["rows"]:
        if not any(Decimal(row[name] or 0) for name in ("billed_usd", "estimated_usd", "seen_usd")):
            continue
        tilde = "~" if Decimal(row["estimated_usd"]) else ""
        other = sum(Decimal(row[f"{part}_usd"]) for part in ("unseen_or_price", "not_billed", "open", "rest"))
        rows.add_row(
            printable(row[document["by"]] or "(none)") + (" (open)" if row["open"] else ""),
            signed(row["billed_usd"]),
            *((f"~{signed(row['estimated_usd'])}" if tilde else "",) if about else ()),
            signed(row["seen_usd"]),
            "" if row["tied_out"] is None else tilde + percent(row["tied_out"]),
            _about(row["unseen_usd"], tilde),
            signed(row["no_span_usd"]),
            _about(row["price_usd"], tilde),
            _about(f"{other:f}", tilde),
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
        seen = "no span has it"
        if share != 0:
            shown = "part" if share is None else percent(share)
            seen = f"spans show {shown} of it: the others were dropped on the way, or reported no usage"
        return f"{what}: {amount}, {seen} ({where})"
    what = f"key {printable(one['key'])}: " if one["key"] else ""
    reason = f": {one['reason']}" if one["reason"] not in (None, PARTS[one["part"]]) else ""
    return f"{what}{amount} {PARTS[one['part']]} ({where}){reason}"


def billed_text(totals: Mapping[str, Any]) -> str:
    """What is billed, and what stands for it where an account has no money: `$35.00 billed, ~$2.00 estimated`."""
    told = [] if totals["billed_usd"] is None else [f"{signed(totals['billed_usd'])} billed"]
    if Decimal(totals["estimated_usd"]):
        told.append(f"~{signed(totals['estimated_usd'])} estimated")
    return ", ".join(told or ["? billed"])


def signed(amount: str | None) -> str:
    """USD with its sign before the dollar; `?`: not known."""
    if amount is None:
        return "?"
    value = Decimal(amount)
    return f"−{money(f'{-value:f}')}" if value < 0 else money(amount)


def _about(amount: str, tilde: str) -> str:
    return (tilde if Decimal(amount) else "") + signed(amount)


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
        lines = "1 line of the bill is" if unknown == 1 else f"{unknown:,} lines of the bill are"
        notes.append(f"{lines} left out: no amount in USD ({currencies})")
    return notes


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column(first, overflow="fold", min_width=20)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table
