"""The report for people (a table) and for spreadsheets (CSV)."""

import csv
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from rich.box import Box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from breakeven_collector.report import PARETO_SHARE, Dimension
from breakeven_collector.report_document import Report, Row

# Lines only under the header and under the features that make most of the bill.
RULED = Box("    \n    \n ── \n    \n ── \n    \n    \n    \n")
_UNPRICED_WORTH_A_MARK = 0.01
"""From this share of a row's calls on, unknown dollars are marked beside the known ones."""
_FULL_WIDTH = 130
_STEERS = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"  # parts of words and emoji
_ABSENT = {
    Dimension.FEATURE: "(unallocated)",
    Dimension.MODEL: "(no model told)",
    Dimension.PROVIDER: "(no provider told)",
    Dimension.TENANT: "(no tenant)",
    Dimension.USER: "(no user)",
    Dimension.SERVICE: "(no service told)",
    Dimension.ENVIRONMENT: "(no environment told)",
    Dimension.OWNER: "(no owner)",
    Dimension.COST_CENTRE: "(no cost centre)",
    Dimension.COST_CLASS: "(no cost class)",
    Dimension.DAY: "",
    Dimension.MONTH: "",
}


def report_table(report: Report, *, most: int = 30, removed: bool = False) -> RenderableType:
    """The report as it stands in a terminal; with what was removed, row by row, if asked."""
    by = Dimension(report["by"])
    rows: Sequence[Row] = report[by.plural]
    if not rows:
        return _nothing(report)
    owners = by is Dimension.FEATURE and any(row.get("owner") for row in rows)
    budgets = by is Dimension.FEATURE and any(row.get("budget_usd_per_month") for row in rows)
    other = report.get("other_book")
    if by.is_time:
        most = max(most, 366)
    table = Table(box=RULED, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    names = [_name(row, by) for row in rows[:most]]
    # Names keep their width; a very long one is folded, and owners are cut, before figures are.
    table.add_column(
        str(by).capitalize().replace("_", " "), overflow="fold", min_width=min(max(name.cell_len for name in names), 28)
    )
    if owners:
        table.add_column("Owner", overflow="ellipsis", no_wrap=True, max_width=16)
    columns = (
        *("Spend", *(("Other book",) if other else ()), *(("Budget",) if budgets else ()), "Share"),
        *(("Running",) if not by.is_time else ()),
        *("Calls", "Input", "Cached", "Output", "A call", *(("Trend",) if not by.is_time else ())),
    )
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    ruled = False
    for name, row in zip(names, rows, strict=False):
        running = row["cumulative_share"]
        ends_pareto = not by.is_time and not ruled and running is not None and Decimal(str(running)) >= PARETO_SHARE
        ruled = ruled or ends_pareto
        table.add_row(
            name,
            *((Text(printable(row.get("owner") or "")),) if owners else ()),
            _spend(row),
            *((_other(row),) if other else ()),
            *((money(row.get("budget_usd_per_month"), absent=""),) if budgets else ()),
            percent(row["share"]),
            *((percent(running),) if not by.is_time else ()),
            f"{row['calls']:,}",
            tokens(row["input_tokens"]),
            percent(_ratio(row["cached_input_tokens"], row["input_tokens"]), absent=""),
            tokens(row["output_tokens"]),
            money(row["cost_per_call_usd"], small=True),
            *((trend(row["trend"]),) if not by.is_time else ()),
            end_section=ends_pareto,
        )
    parts: list[RenderableType] = [_headline(report), "", table]
    if len(rows) > most:
        parts.append(Text(f"… and {len(rows) - most} more: --format csv shows all", style="dim"))
    if removed:
        parts += ["", _removed_table(report, by)]
    return Group(*parts, "", *_notes(report))


def report_csv(report: Report) -> str:
    """The rows of the report as CSV, a header first; unknown figures are empty."""
    by = Dimension(report["by"])
    rows: Sequence[Row] = report[by.plural]
    out = _Lines()
    columns = list(rows[0]) if rows else [str(by), "calls", "input_tokens", "output_tokens", "cost_usd"]
    # Asked for \r\n the writer quotes a field that holds either; asked for \n it leaves a \r bare.
    writer = csv.DictWriter(out, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return "".join(out)


class _Lines(list[str]):
    """Takes a line at a time, and ends it as everything else on the terminal ends."""

    def write(self, line: str) -> None:
        self.append(line.removesuffix("\r\n") + "\n")


def print_report(report: Report, console: Console | None = None, *, removed: bool = False) -> None:
    """Print the table; a terminal that is too narrow, or none at all, gets the full width."""
    at_full_width(console or Console()).print(report_table(report, removed=removed))


def at_full_width(console: Console) -> Console:
    """The console, or one of full width where its terminal is too narrow for a table."""
    if console.width >= _FULL_WIDTH:
        return console
    return Console(width=_FULL_WIDTH, soft_wrap=True, file=console.file)


def money(amount: str | None, *, small: bool = False, absent: str = "?") -> str:
    """USD for people: `$1,234`, `$12.34`, and for small amounts as many digits as it takes."""
    if amount is None:
        return absent
    value = Decimal(amount)
    if value < 0:
        return f"−{money(f'{-value:f}', small=small)}"
    if abs(value) >= 1000 and not small:
        return f"${value:,.0f}"
    if abs(value) >= Decimal("0.1") or not value:
        return f"${value:,.2f}"
    return f"${Decimal(f'{value:.2g}'):f}" if value < Decimal("0.0001") else f"${value:.4f}"


def counted(count: int, noun: str) -> str:
    """`1 line`, `1,234 lines`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def tokens(count: int) -> str:
    """A count for people: `950`, `12.3k`, `4.5M`, `6.7B`."""
    for unit, size in (("B", 1_000_000_000), ("M", 1_000_000), ("k", 1_000)):
        # what would be written as 1000.0k is 1.0M
        if count >= (size * 0.99995 if size > 1_000 else size):
            return f"{count / size:.1f}{unit}"
    return str(count)


def printable(text: str) -> str:
    """Names come from strangers: a control character would move the cursor, or worse."""
    return "".join(
        "\ufffd" if unicodedata.category(char) in _STEERS and char not in _JOINERS else char for char in text
    )


def percent(share: float | None, *, absent: str = "") -> str:
    """A share for people; only a whole is written as 100 %, and only nothing as 0 %."""
    if share is None:
        return absent
    text = f"{share * 100:.1f} %"
    if text == "100.0 %":
        return "100 %" if share >= 1 else "> 99.9 %"
    if text == "0.0 %":
        return "0 %" if share == 0 else "< 0.1 %"
    return text


def _headline(report: Report) -> Text:
    period, totals = report["period"], report["totals"]
    start, end = datetime.fromisoformat(period["from"]), datetime.fromisoformat(period["to"])
    # A period that is over ends at midnight: the day before is its last.
    end -= timedelta(microseconds=1)
    estimated = totals["estimated_usd"]
    text = Text.assemble(
        (money(totals["cost_usd"]), "bold"),
        *((" known, and ", (f"~{money(estimated)}", "bold"), " estimated") if estimated else ()),
        f"  {totals['calls']:,} calls, {start:%d %b} to {end:%d %b %Y} ({period['timezone']})",
    )
    if totals["trend"] is not None:
        text.append(f", {trend(totals['trend'])} against the {period['days']} days before")
    if other := report.get("other_book"):
        text.append(f"\n{money(other['cost_usd'])} with {other['version']}")
        if other["approximated"]:
            text.append(
                f" (about, for {', '.join(other['approximated'][:3])}: its prices change at other sizes or hours)"
            )
    return text


def _removed_table(report: Report, by: Dimension) -> RenderableType:
    table = Table(box=RULED, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    table.add_column("Removed, being counted already", overflow="fold", min_width=28)
    for name in ("Duplicates", "Wrappers", "Would have cost"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in report["removed"]["rows"]:
        table.add_row(
            _name(row, by), f"{row['duplicate_calls']:,}", f"{row['wrapper_calls']:,}", money(row["cost_usd"])
        )
    return table if table.rows else Text("Nothing was removed.", style="dim")


def _notes(report: Report) -> list[RenderableType]:
    coverage, totals, removed, lost = report["coverage"], report["totals"], report["removed"], report["lost"]
    retries, cache, late = report["retries"], report["gateway_cache"], report["late"]
    lines = [("priced", f"{percent(coverage['priced'])} of calls{_reasons(report['unpriced'])}")]
    lines.append(("usage known", f"{percent(coverage['reported_usage'])} of calls"))
    if totals["estimated_usd"]:
        lines.append(
            (
                "estimated",
                f"~{money(totals['estimated_usd'])} for {totals['estimated_calls']:,} calls without all of their "
                f"usage, {percent(coverage['estimated_usd'])} of spend",
            )
        )
    if coverage["reported_usd"]:
        lines.append(("as reported", f"{percent(coverage['reported_usd'])} of dollars, by provider or gateway"))
    lines.append(
        (
            "allocated",
            f"{percent(coverage['allocated'])} of calls, {percent(coverage['allocated_usd'])} of dollars to declared "
            f"or mapped features{_services(report['unallocated'])}",
        )
    )
    if retries["calls"] or retries["resends"]:
        lines.append(
            (
                "retries",
                f"{money(retries['cost_usd'], absent='$0')} for {retries['calls']:,} calls that repeat an attempt; "
                f"{retries['resends']:,} attempts inside clients",
            )
        )
    if cache["calls"]:
        lines.append(
            (
                "gateway cache",
                f"{cache['calls']:,} answers for $0, which avoided {money(cache['avoided_usd'])}",
            )
        )
    if late["calls"]:
        lines.append(
            (
                "late",
                f"{late['calls']:,} calls, {money(late['cost_usd'])}, came after their minutes were sealed; "
                "duplicates of calls that are no longer kept cannot be told among them",
            )
        )
    lines += [
        (
            "removed",
            f"{removed['duplicate_calls']:,} duplicates and {removed['wrapper_calls']:,} wrappers: "
            f"{money(removed['cost_usd'])} that would have been counted twice",
        ),
        (
            "lost on the way",
            f"{lost['spans']:,} of {lost['numbered']:,} numbered spans"
            if lost["numbered"]
            else "not known: no span is numbered",
        ),
        ("prices", report["price_book"] or "none loaded"),
    ]
    if report.get("billed"):
        from breakeven_collector.render_billed import billed_notes

        lines = [*billed_notes(report["billed"]), *lines]
    if report.get("config_error"):
        lines.append(("declarations", f"the file does not count as it stands: {report['config_error']}"))
    notes = Table.grid(padding=(0, 2, 0, 0))
    notes.add_column(style="dim", no_wrap=True)
    notes.add_column(style="dim", overflow="fold")
    for label, text in lines:
        # Text, not markup: model names may hold square brackets.
        notes.add_row(label, Text(printable(text)))
    return [notes]


def _reasons(unpriced: Sequence[dict[str, Any]]) -> str:
    shown = [
        f"{tokens(entry['calls'])} {entry['reason']}"
        + (
            f" ({entry['provider'] or 'no provider'}/{entry['model'] or 'no model'})"
            if entry["reason"].startswith("model")
            else ""
        )
        if not entry["meter"]
        else f"{entry['quantity']} {entry['meter']} without a rate ({entry['model'] or 'no model'})"
        for entry in _merged(unpriced)
    ]
    return (
        f"; without: {', '.join(shown[:4])}" + (f" and {len(shown) - 4} more" if len(shown) > 4 else "")
        if shown
        else ""
    )


def _services(unallocated: Sequence[dict[str, Any]]) -> str:
    """The dearest of those that nobody pays for."""
    shown = [f"{entry['service'] or 'no service'} {money(entry['cost_usd'])}" for entry in unallocated[:3]]
    return f"; not: {', '.join(shown)}" if shown else ""


def _merged(unpriced: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry a reason; a model is only worth naming where its name is the reason, and a meter by itself."""
    merged: dict[str, dict[str, Any]] = {}
    for entry in unpriced:
        named = entry["reason"].startswith("model") or entry["meter"]
        key = f"{entry['reason']}/{entry['provider']}/{entry['model']}/{entry['meter']}" if named else entry["reason"]
        if key in merged:
            merged[key]["calls"] += entry["calls"]
        else:
            merged[key] = dict(entry)
    return sorted(merged.values(), key=lambda entry: -entry["calls"])


def _nothing(report: Report) -> RenderableType:
    return Text.assemble(
        (f"No calls in the last {report['period']['days']} days.", "bold"),
        '\nPoint an application here: breakeven.init() and breakeven.feature("name"), or any OpenTelemetry exporter'
        "\nwith OTEL_EXPORTER_OTLP_ENDPOINT. `breakeven doctor` looks for what is wrong.",
    )


def _name(row: Row, by: Dimension) -> Text:
    name = row[str(by)]
    if name is None:
        return Text(_ABSENT[by], style="italic")
    if row.get("allocated_calls") == 0:
        return Text.assemble(printable(name), (" (inferred)", "dim"))
    return Text(printable(name))


def _spend(row: Row) -> Text:
    """Known and estimated together, marked where an estimate is in it; +? where something is left out."""
    estimated = Decimal(row["estimated_usd"] or 0)
    if estimated:
        return Text(f"~{money(str(Decimal(row['cost_usd'] or 0) + estimated))}", style="bold")
    text = Text(money(row["cost_usd"]), style="bold")
    unknown = row["unpriced_calls"] + (Decimal(row.get("unpriced_units") or 0) > 0)
    if row["cost_usd"] is not None and unknown >= max(1, _UNPRICED_WORTH_A_MARK * row["calls"]):
        text.append(" +?", style="dim")
    return text


def _other(row: Row) -> Text:
    """What another book makes of it, and by how much it differs."""
    there, here = row["other_cost_usd"], row["cost_usd"]
    change = float(Decimal(there) / Decimal(here) - 1) if there and here and Decimal(here) else None
    return Text.assemble(money(there), (f" {trend(change)}" if change else "", "dim"))


def trend(trend: float | None, *, absent: str = "") -> str:
    """Growth for people: `+12 %`, `×14`."""
    if trend is None:
        return absent
    if abs(trend) < 0.005:
        return "±0 %"
    return f"{trend * 100:+.0f} %" if abs(trend) < 10 else f"×{trend + 1:.0f}"


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole and part else None
