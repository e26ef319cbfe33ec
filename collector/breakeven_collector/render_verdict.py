"""Prints verdicts for the people who pay: sentences and money first, then what they rest on."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from breakeven_collector.render_decide import widest
from breakeven_collector.verdicts import told
from breakeven_collector.verdicts.told import usd

_WIDE = 100
"""Columns from which the options have all their figures."""
_FORM = {"questions": "Five questions", "dimensions": "Five dimensions", "path": "The path", "beside": "Beside them"}


def print_all(document: Mapping[str, Any], console: Console) -> None:
    """A line a feature, the dearest first."""
    window = document["window"]
    if not document["features"]:
        console.print(Text(_nothing(document)), soft_wrap=True)
        return
    console.print(
        f"[bold]When does hosting pay?[/]  {usd(document['total_usd'])} in the {window['days']} days before "
        f"{document['as_of']}",
        highlight=False,
    )
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Feature", no_wrap=True)
    table.add_column("30 days", justify="right", no_wrap=True)
    table.add_column("Break-even", justify="right", no_wrap=True)
    table.add_column("Crosses", no_wrap=True)
    table.add_column("Verdict", ratio=1)
    for one in document["features"]:
        table.add_row(
            Text(one["feature"]), usd(one["spend_usd"]), _threshold(one), _crossing(one), Text(told.said(one))
        )
    console.print(table)
    console.print(
        "\nBreak-even: what 30 days of live calls (no retries, research or sales) cost where own GPUs and people cost "
        "no more than the best tested alternative, at today's prices.",
        style="dim",
        highlight=False,
    )
    if (pool := document["portfolio"]) is not None:
        _portfolio(pool, console)
    else:
        console.print("No set of features would pay together on shared GPUs today.", highlight=False)
    console.print("`breakeven decide FEATURE` shows the money, the evidence, and what would change it.", style="dim")


def _nothing(document: Mapping[str, Any]) -> str:
    """Why there is no verdict, and what to do."""
    days = f"the {document['window']['days']} days before {document['as_of']}"
    if document["total_usd"]:
        return f"No feature has calls or usage in {days}, though there is some: `breakeven map` gives it features."
    if document.get("has_bill"):
        return (
            f"No calls in {days}. A provider's bill is imported, but no usage of these days, which verdicts could read "
            "in place of calls: import the usage by key too (docs/imports.md), or send spans."
        )
    return (
        f"No calls in {days}. Send spans to the collector, or import calls that another tool kept: "
        "`breakeven import litellm | langfuse | helicone`."
    )


def print_one(document: Mapping[str, Any], console: Console) -> None:
    """All that is known of one feature."""
    one = document["features"][0]
    console.print(Text(one["feature"], style="bold"))
    console.print(Text(told.said(one), style="bold"))
    console.print(Text(told.next_step(one)))
    if "since" in one:
        _since(one["since"], console)
    console.print()
    _options(one["options"], console)
    if missing := [f"{row['option']} ({row['to_prove']})" for row in one["options_to_declare"]]:
        console.print(Text(f"Not in it: {'; '.join(missing)}.", style="dim"))
    for words, style in (
        (told.measured(one), ""),
        (told.breaks_even(one), ""),
        (told.safe(one), "dim"),
        (told.crosses(one), ""),
    ):
        if words:
            console.print(Text(words, style=style))
    _moves(one, console)
    _lines("What it stands on", one["evidence"], console)
    for name, title in _FORM.items():
        _lines(title, one["form"][name], console)


def _options(rows: Sequence[Mapping[str, Any]], console: Console) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("The money, USD", ratio=1, min_width=22)
    declines = ("0.0", "0.3", "0.5") if console.width >= _WIDE else ("0.5",)
    shares = [f"{float(decline):.0%}".replace("%", " %") for decline in declines]
    for title in ("a month", "one-off", "FTE", "payback", *(f"NPV {share}" for share in shares)):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("to prove", max_width=max(16, console.width // 6))
    for row in rows:
        table.add_row(
            Text(row["option"]),
            usd(row["usd_per_month"]),
            usd(row["one_off_usd"]) if row["one_off_usd"] else "",
            f"{row['fte']:g}" if row["fte"] else "",
            told.payback(row),
            *("" if row["option"] == "today" else _short(row["npv_usd"].get(key)) for key in declines),
            "" if row["to_prove"] == "nothing" else row["to_prove"],
        )
    console.print(table)
    falls = "0, 30 or 50 %" if len(declines) > 1 else "50 %"
    console.print(f"NPV over two years, if the API's prices fall by {falls} a year.", style="dim")


def _moves(one: Mapping[str, Any], console: Console) -> None:
    console.print()
    console.print(widest(one["tornado"], "Moves it most (net a month)"))
    if said := told.would_change(one):
        console.print(Text(said))


def _lines(title: str, rows: Sequence[Mapping[str, Any]], console: Console) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(title, ratio=4)
    table.add_column("", ratio=5)
    table.add_column("source", no_wrap=True, overflow="ellipsis", max_width=max(16, console.width // 4), style="dim")
    table.add_column("as of", no_wrap=True, style="dim")
    table.add_column("", no_wrap=True)
    for row in rows:
        table.add_row(
            Text(row["what"]), Text(row["value"] or "–"), Text(row["source"]), row["at"] or "", row["confidence"]
        )
    console.print()
    console.print(table)


def _since(since: Mapping[str, Any] | None, console: Console) -> None:
    if since is None:
        console.print(Text("No earlier verdict differs in what it was worked out from."))
        return
    day = str(since["decided_at"])[:10]
    console.print()
    console.print(Text(f"On {day}: {since['was']}"))
    if since["moved_by"]:
        console.print(Text(f"What moved it: {', '.join(since['moved_by'])}, alone enough."))
    elif not since["is_same"]:
        console.print(Text("What moved it: several things together, none of them alone."))
    for change in since["changes"]:
        if change["what"] != "verdict":
            console.print(
                Padding(Text(f"{change['what']}: {_value(change['before'])} → {_value(change['now'])}"), (0, 0, 0, 2))
            )


def _portfolio(pool: Mapping[str, Any], console: Console) -> None:
    together = " and ".join(pool["features"]) if len(pool["features"]) < 3 else ", ".join(pool["features"])
    console.print(
        Text(
            f"On shared GPUs: {together} would save {usd(pool['saves_usd_per_month'])} a month net of the project, on "
            f"{pool['replicas']} replicas instead of {pool['replicas_apart']}, if quality holds."
        )
    )


def _threshold(one: Mapping[str, Any]) -> str:
    return "never" if one["threshold_usd"] is None else usd(one["threshold_usd"])


def _crossing(one: Mapping[str, Any]) -> str:
    cross = one["crossing"]
    if one["threshold_usd"] is None:
        return ""
    if cross["is_above"]:
        return "above"
    return date.fromisoformat(cross["p50_on"]).strftime("%-d %b %Y") if cross["p50_on"] else "–"


def _short(value: float | None) -> str:
    if value is None:
        return "–"
    return usd(value) if abs(value) < 1_000 else f"{'-' if value < 0 else ''}${abs(value) / 1000:,.0f}k"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:,.6g}" if isinstance(value, float) else str(value)
