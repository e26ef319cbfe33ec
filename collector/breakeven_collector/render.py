"""The report for people (a table) and for spreadsheets (CSV)."""

import csv
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.box import Box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from breakeven_collector.report import PARETO_SHARE, Dimension, Report, Row

# Lines only under the header and under the features that make most of the bill.
_RULED = Box("    \n    \n ── \n    \n ── \n    \n    \n    \n")
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
}


def report_table(report: Report, *, most: int = 30) -> RenderableType:
    """The report as it stands in a terminal."""
    by = Dimension(report["by"])
    rows: Sequence[Row] = report[by.plural]
    if not rows:
        return _nothing(report)
    owners = by is Dimension.FEATURE and any(row.get("owner") for row in rows)
    budgets = by is Dimension.FEATURE and any(row.get("budget_usd_per_month") for row in rows)
    table = Table(box=_RULED, show_edge=False, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    names = [_name(row, by) for row in rows[:most]]
    # Names keep their width; a very long one is folded, and owners are cut, before figures are.
    table.add_column(str(by).capitalize(), overflow="fold", min_width=min(max(name.cell_len for name in names), 28))
    if owners:
        table.add_column("Owner", overflow="ellipsis", no_wrap=True, max_width=16)
    for name in ("Spend", *(("Budget",) if budgets else ()), "Share", "Running", "Calls", "Input", "Cached", "Output"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("A call", justify="right", no_wrap=True)
    table.add_column("Trend", justify="right", no_wrap=True)
    ruled = False
    for name, row in zip(names, rows, strict=False):
        running = row["cumulative_share"]
        ends_pareto = not ruled and running is not None and Decimal(str(running)) >= PARETO_SHARE
        ruled = ruled or ends_pareto
        table.add_row(
            name,
            *((Text(printable(row.get("owner") or "")),) if owners else ()),
            _spend(row),
            *((money(row.get("budget_usd_per_month"), absent=""),) if budgets else ()),
            percent(row["share"]),
            percent(running),
            f"{row['calls']:,}",
            tokens(row["input_tokens"]),
            percent(_ratio(row["cached_input_tokens"], row["input_tokens"]), absent=""),
            tokens(row["output_tokens"]),
            money(row["cost_per_call_usd"], small=True),
            _trend(row["trend"]),
            end_section=ends_pareto,
        )
    parts: list[RenderableType] = [_headline(report), "", table]
    if len(rows) > most:
        parts.append(Text(f"… and {len(rows) - most} more: --format csv shows all", style="dim"))
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


def print_report(report: Report, console: Console | None = None) -> None:
    """Print the table; a terminal that is too narrow, or none at all, gets the full width."""
    console = console or Console()
    if console.width < _FULL_WIDTH:
        console = Console(width=_FULL_WIDTH, soft_wrap=True, file=console.file)
    console.print(report_table(report))


def money(amount: str | None, *, small: bool = False, absent: str = "?") -> str:
    """USD for people: `$1,234`, `$12.34`, and for small amounts as many digits as it takes."""
    if amount is None:
        return absent
    value = Decimal(amount)
    if abs(value) >= 1000 and not small:
        return f"${value:,.0f}"
    if abs(value) >= Decimal("0.1") or not value:
        return f"${value:,.2f}"
    return f"${Decimal(f'{value:.2g}'):f}" if value < Decimal("0.0001") else f"${value:.4f}"


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
    text = Text.assemble(
        (money(totals["cost_usd"]), "bold"),
        f"  {totals['calls']:,} calls, {start:%d %b} to {end:%d %b %Y} (UTC)",
    )
    if totals["trend"] is not None:
        text.append(f", {_trend(totals['trend'])} against the {period['days']} days before")
    return text


def _notes(report: Report) -> list[RenderableType]:
    coverage, totals, removed, lost = report["coverage"], report["totals"], report["removed"], report["lost"]
    allocated_usd = _money_ratio(totals["allocated_usd"], totals["cost_usd"])
    lines = [
        ("priced", f"{percent(coverage['priced'])} of calls{_reasons(report['unpriced'])}"),
        ("usage known", f"{percent(coverage['reported_usage'])} of calls"),
        (
            "allocated",
            f"{percent(coverage['allocated'])} of calls, {percent(allocated_usd)} of dollars to declared features",
        ),
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


def _merged(unpriced: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry for all calls without usage; a model is only worth naming where its name is the reason."""
    without = [entry for entry in unpriced if entry["reason"] == "no usage reported"]
    rest = [entry for entry in unpriced if entry["reason"] != "no usage reported"]
    if without:
        rest.insert(0, {**without[0], "calls": sum(entry["calls"] for entry in without)})
    return rest


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
    text = Text(money(row["cost_usd"]), style="bold")
    unknown = row["unpriced_calls"] + (Decimal(row.get("unpriced_units") or 0) > 0)
    if row["cost_usd"] is not None and unknown >= max(1, _UNPRICED_WORTH_A_MARK * row["calls"]):
        text.append(" +?", style="dim")
    return text


def _trend(trend: float | None) -> str:
    if trend is None:
        return ""
    return f"{trend * 100:+.0f} %" if abs(trend) < 10 else f"×{trend + 1:.0f}"


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole and part else None


def _money_ratio(part: str | None, whole: str | None) -> float | None:
    return float(Decimal(part or 0) / Decimal(whole)) if whole and Decimal(whole) else None
