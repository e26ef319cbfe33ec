"""Prints what `breakeven decide` and its kin have to say, for people."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from breakeven_collector.verdicts.told import usd


def months(value: float | None) -> str:
    """Months to a tenth."""
    return "never" if value is None else f"{value:.1f} months"


def widest(tornado: Mapping[str, Any], title: str) -> Table:
    """The three inputs that move the month's net most."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(title)
    table.add_column("from", justify="right")
    table.add_column("to", justify="right")
    for bar in tornado["bars"][:3]:
        table.add_row(
            bar["input"],
            f"{usd(bar['low_usd_per_month'])} ({bar['low']})",
            f"{usd(bar['high_usd_per_month'])} ({bar['high']})",
        )
    return table


def print_answer(document: Mapping[str, Any], console: Console) -> None:
    """The document of `answer.answer`."""
    console.print(_headline(document), style="bold", highlight=False)
    table = Table("", "USD a month", title_justify="left", box=None)
    table.columns[1].justify = "right"
    table.add_row("API alone", usd(document["api_usd_per_month"]))
    if document["hosting_usd_per_month"] is not None:
        count = document["replicas"]
        use = document["mean_utilisation"]
        busy = "" if use is None else f", {use:.1%} busy on average"
        table.add_row(f"own model: {count} replicas{busy}", usd(document["hosting_usd_per_month"]))
    table.add_row("with the own model, all in", usd(document["hybrid_usd_per_month"]))
    table.add_row("saved", usd(document["saving_usd_per_month"]))
    console.print(table)
    payback, start = document["payback_months"], document["payback_from_start_months"]
    console.print(f"Payback   {months(payback)}; {months(start)} from the start", highlight=False)
    for row in document["npv_by_price_decline"]:
        console.print(
            f"NPV       {usd(row['npv_usd'])} if the API gets {row['decline_per_year']:.0%} cheaper a year",
            highlight=False,
        )
    if "npv_simulation" in document:
        console.print(f"Positive  {document['npv_simulation']['word']}, over what the inputs may be", highlight=False)
    _breakeven(document, console)
    if "tornado" in document:
        console.print("\nWhat moves it most (net USD a month, the project paid off over its months):", highlight=False)
        console.print(widest(document["tornado"], ""))


def _headline(document: Mapping[str, Any]) -> str:
    saved = document["saving_usd_per_month"]
    if saved <= 0:
        return f"Stay with the API: hosting would cost {usd(-saved)} a month more."
    return f"Hosting would save {usd(saved)} a month of {usd(document['api_usd_per_month'])}."


def _breakeven(document: Mapping[str, Any], console: Console) -> None:
    spend = document["breakeven_spend_usd_per_month"]
    if spend is None:
        console.print(f"Break-even: {document['reasons']['breakeven_spend_usd_per_month']}", highlight=False)
        return
    by_fte = ", ".join(
        f"{usd(row['breakeven_spend_usd_per_month'])} at {row['fte']:g}" for row in document["breakeven_by_fte"]
    )
    console.print(f"Break-even from {usd(spend)} a month ({by_fte} FTE)", highlight=False)
    gaps = document["recrossings_usd_per_month"]
    for begin, end in zip(gaps[::2], gaps[1::2], strict=False):
        console.print(f"  but not between {usd(begin)} and {usd(end)}: another replica", highlight=False)
