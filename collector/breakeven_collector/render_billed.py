"""What is billed, for people: the bill from accounts alone, and its lines in the report."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from breakeven_collector.billed_report import BilledBy, BilledReport
from breakeven_collector.render import RULED, at_full_width, counted, money, percent, printable, tokens, trend
from breakeven_collector.render_tieout import NOTHING, rows_csv, signed
from breakeven_collector.report import PARETO_SHARE

_MOST: Final = 30
_ABSENT: Final = {
    BilledBy.FEATURE: "(no rule for the key)",
    BilledBy.KEY: "(no key told)",
    BilledBy.PROJECT: "(no project told)",
    BilledBy.MODEL: "(no model told)",
}


def billed_notes(billed: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Lines of a report that has `billed`: label and text."""
    totals = billed["totals"]
    share = percent(totals["tied_out"], absent="not known")
    about = "~" if billed["estimated"] else ""
    told = f"{signed(totals['billed_usd'])} by the providers"
    if Decimal(totals["estimated_usd"]):
        guessed = f"~{signed(totals['estimated_usd'])} of usage at our prices"
        told = f"{told}, {guessed}"
    tied = share if totals["tied_out"] is None else about + share
    lines = [
        (
            "billed",
            f"{told}, {signed(totals['seen_usd'])} seen: tied out {tied}; `breakeven tieout` says what is missing",
        )
    ]
    if Decimal(billed["unseen_usd"]):
        keys = [
            f"{printable(one['key'] or 'no key told')} {'~' if one['estimated'] else ''}{signed(one['usd'])}"
            + (" (no span has it)" if one["seen_share"] == 0 and one["key"] else "")
            for one in billed["unseen"]
        ]
        guess = "~" if any(one["estimated"] for one in billed["unseen"]) else ""
        more = f" and {billed['more_unseen']} more" if billed["more_unseen"] else ""
        lines.append(("unseen", f"{guess}{signed(billed['unseen_usd'])}: {', '.join(keys)}{more}"))
    if billed["open_days"]:
        days = billed["open_days"]
        told = f"{days[0]} to {days[-1]}" if len(days) > 1 else days[0]
        lines.append(("still open", f"{told} at the provider: billed may still change, and is not in the percentage"))
    if unknown := billed["unknown_amounts"]["lines"]:
        lines.append(("not in billed", f"{counted(unknown, 'line')} without an amount in USD"))
    return lines


def billed_csv(document: BilledReport) -> str:
    """The rows as CSV, a header first; unknown figures are empty."""
    return rows_csv(document["rows"], [document["by"], "cost_usd"])


def print_billed_report(document: BilledReport, console: Console | None = None) -> None:
    """Print headline, rows, and the providers' own figures beside ours."""
    console = at_full_width(console or Console())
    if not document["rows"] and not document["providers"]:
        console.print(NOTHING, markup=False, highlight=False)
        return
    by, totals, period = BilledBy(document["by"]), document["totals"], document["period"]
    head = Text.assemble(
        (f"~{money(totals['cost_usd'])}", "bold"),
        " of usage on the providers' bill, by our prices",
        f"  {period['from']} to {period['to']} (UTC)",
    )
    if totals["trend"] is not None:
        before = "day" if period["days"] == 1 else f"{period['days']} days"
        head.append(f", {trend(totals['trend'])} against the {before} before, whole days only")
    console.print(head)
    console.print(
        "Imported from the providers' accounts, not told by calls: an estimate, never to be added to them.\n",
        style="dim",
    )
    _print_rows(console, document["rows"], by)
    console.print()
    table = _table("Provider")
    for name in ("Billed", "By our prices", "Difference"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for row in document["providers"]:
        table.add_row(
            Text(printable(row["provider"] or "(none)")),
            signed(row["billed_usd"]),
            signed(row["cost_usd"]),
            signed(row["difference_usd"]),
            Text(f"{counted(len(row['open_days']), 'day')} still open" if row["open_days"] else "", style="dim"),
        )
    table.add_row("all", signed(totals["billed_usd"]), signed(totals["cost_usd"]), signed(totals["difference_usd"]))
    console.print(table)
    for line in _notes(document):
        console.print(Text(printable(line), style="dim"), soft_wrap=True)


def _print_rows(console: Console, rows: Sequence[Mapping[str, Any]], by: BilledBy) -> None:
    most = 366 if by.is_time else _MOST
    owners = any(row.get("owner") for row in rows)
    budgets = any(row.get("budget_usd_per_month") for row in rows)
    table = _table(str(by).capitalize().replace("_", " "))
    if owners:
        table.add_column("Owner", overflow="ellipsis", no_wrap=True, max_width=16)
    names = ("Spend", *(("Budget",) if budgets else ()), "Share", *(() if by.is_time else ("Running",)))
    for name in (*names, "Requests", "Input", "Cached", "Output", *(() if by.is_time else ("Trend",))):
        table.add_column(name, justify="right", no_wrap=True)
    ruled = False
    for row in rows[:most]:
        running = row["cumulative_share"]
        ends = not by.is_time and not ruled and running is not None and Decimal(str(running)) >= PARETO_SHARE
        ruled = ruled or ends
        name = row[str(by)]
        table.add_row(
            Text(_ABSENT.get(by, "(none)"), style="italic") if name is None else Text(printable(name)),
            *((Text(printable(row.get("owner") or "")),) if owners else ()),
            ("?" if row["cost_usd"] is None else f"~{money(row['cost_usd'])}") + (" +?" if row["unpriced"] else ""),
            *((money(row.get("budget_usd_per_month"), absent=""),) if budgets else ()),
            percent(row["share"]),
            *(() if by.is_time else (percent(running),)),
            f"{row['requests']:,}" if row["requests"] else "",
            tokens(row["input_tokens"]),
            percent(row["cached_input_tokens"] / row["input_tokens"]) if row["input_tokens"] else "",
            tokens(row["output_tokens"]),
            *(() if by.is_time else (trend(row["trend"]),)),
            end_section=ends,
        )
    console.print(table)
    if len(rows) > most:
        console.print(Text(f"… and {len(rows) - most} more: --format csv shows all", style="dim"))


def _notes(document: BilledReport) -> list[str]:
    notes: list[str] = []
    if Decimal(document["totals"]["difference_usd"] or 0):
        notes.append(
            "The difference: what has no key (searches and other items), prices of long prompts (an account does "
            "not tell how long they were), and contracts"
        )
        if alone := [row["provider"] or "(none)" for row in document["providers"] if row["difference_usd"] is None]:
            notes.append(f"not in the difference, for only one side is known: {', '.join(alone)}")
    if unpriced := document["unpriced"]:
        shown = [
            f"{tokens(int(Decimal(one['quantity'])))} {one['meter']}" + (f" ({one['model']})" if one["model"] else "")
            for one in unpriced[:4]
        ]
        more = f" and {len(unpriced) - 4} more" if len(unpriced) > 4 else ""
        notes.append(f"without a price: {', '.join(shown)}{more}")
    if document["open_days"]:
        notes.append(f"still open at the provider: {', '.join(document['open_days'])}")
    if document["unknown_amounts"]:
        notes.append(f"not in billed: {counted(document['unknown_amounts'], 'line')} without an amount in USD")
    if any(row.get("feature", "") is None for row in document["rows"]):
        notes.append("`breakeven map` proposes features for the keys that have none")
    notes.append(f"prices: {document['price_book'] or 'none loaded'}")
    if document.get("config_error"):
        notes.append(f"the file does not count as it stands: {document['config_error']}")
    return notes


def _table(first: str) -> Table:
    table = Table(box=RULED, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column(first, overflow="fold", min_width=16)
    return table
