"""What an import tells at its end."""

from decimal import Decimal
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

_MOST_BAD: Final = 20
_MOST_MODELS: Final = 30


def print_taken(document: dict[str, Any], console: Console) -> None:
    """Print the document of `take_in` or `look_at`."""
    dry = document["imported"] is None and document["settled"] is None
    _line(
        console,
        f"{document['rows']:,} rows of {document['source']}: {document['calls']:,} calls "
        f"{'would be taken' if dry else 'taken'}"
        + (f", {document['days']:,} days from {document['from']} to {document['to']}" if document["days"] else ""),
    )
    if document["not_calls"]:
        what = ", ".join(f"{name} {n:,}" for name, n in sorted(document["not_calls"].items(), key=lambda i: -i[1]))
        _line(console, f"  not calls of a model: {sum(document['not_calls'].values()):,} ({what})")
    if document["cut"]:
        _line(console, f"  outside --from and --until: {document['cut']:,}")
    if (old := document["too_old"])["calls"]:
        _line(
            console,
            f"  left out, from before {old['kept_from']}: {old['calls']:,}, by their own account "
            f"{_usd(old['their_cost_usd'])}. The bill is not kept any longer: to take them, start the collector with a "
            "larger BREAKEVEN_KEEP_LEDGER_DAYS, or with none, and import again",
        )
    if document["sealed"]["calls"]:
        _line(
            console,
            f"  left out, for single calls of their time are no longer kept: {document['sealed']['calls']:,}, by their "
            f"own account {_usd(document['sealed']['their_cost_usd'])}. With --sealed they are counted, in the line "
            "late; do that once, for nothing there can be told from what was counted before",
        )
    for note, n in document["notes"].items():
        _line(console, f"  {n:,} calls: {note}; say it yourself with --cached")
    for name, n in document["unknown_columns"].items():
        _line(console, f"  column {name!r} is not known and was not read ({n:,} rows)")
    if not document["with_feature"] and document["calls"]:
        _line(console, "  no row names a feature: say where with --feature-from, or map them with `breakeven map`")
    _print_models(document, console)
    _print_overlap(document, console)
    _print_bad(document, console)
    if document["settled"] is False:
        _line(
            console,
            "The collector is still at it: all is safe, and the figures above will grow. Where this corrects what was "
            "imported before, import it once more when it is at rest: until then both may be counted.",
        )


def _print_models(document: dict[str, Any], console: Console) -> None:
    imported = document["imported"]
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("Provider")
    table.add_column("Model")
    headings = (
        ("Calls", "Theirs") if imported is None else ("Calls", "Also spans", "Unpriced", "Ours", "Theirs", "Difference")
    )
    for heading in headings:
        table.add_column(heading, justify="right")
    rows = document["models"] if imported is None else imported["models"]
    for row in rows[:_MOST_MODELS]:
        names = Text(row["provider"] or "–"), Text(row["model"] or "–")
        if imported is None:
            table.add_row(*names, f"{row['calls']:,}", _usd(row["their_cost_usd"]))
        else:
            table.add_row(*names, *_figures(row))
    if rows:
        console.print()
        if imported is not None:
            table.add_section()
            table.add_row("All imported", "", *_figures(imported))
        console.print(table)
        if imported is not None and imported["compared_calls"] < imported["calls"]:
            _line(
                console,
                f"The difference is over {imported['compared_calls']:,} of {imported['calls']:,} calls: those of days "
                "and models where both costs are known for all calls of a kind.",
            )
    if len(rows) > _MOST_MODELS:
        _line(console, f"and {len(rows) - _MOST_MODELS:,} models more: --format json")


def _figures(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        f"{row['calls']:,}",
        f"{row['duplicate_calls']:,}",
        f"{row['unpriced_calls']:,}",
        _usd(row["cost_usd"]),
        _usd(row["their_cost_usd"]),
        _usd(row["difference_usd"], signed=True),
    )


def _print_overlap(document: dict[str, Any], console: Console) -> None:
    for overlap in document["overlap"]:
        _line(
            console,
            f"On {overlap['days']:,} of these days spans told of {overlap['calls']:,} calls of "
            f"{overlap['provider'] or 'an unnamed provider'}, {_usd(overlap['cost_usd'])}: a call that has no id in "
            f"common with its span is in the bill twice. Import the time before them only: "
            f"--until {overlap['first_day']}",
        )


def _print_bad(document: dict[str, Any], console: Console) -> None:
    if not document["bad_rows"]:
        return
    _line(console, f"{document['bad_rows']:,} rows could not be read and were left out:")
    for bad in document["bad"][:_MOST_BAD]:
        _line(console, f"  {bad['file']}:{bad['line']}: {bad['reason']}")
    if document["bad_rows"] > _MOST_BAD:
        _line(console, f"  and {document['bad_rows'] - _MOST_BAD:,} more: --format json")


def _line(console: Console, text: str) -> None:
    console.print(Text(text), soft_wrap=True)


def _usd(value: str | None, *, signed: bool = False) -> str:
    if value is None:
        return "–"
    amount = Decimal(value)
    digits = 2 if abs(amount) >= 1 or not amount else 4
    sign = "-" if amount < 0 else "+" if signed and amount > 0 else ""
    return f"{sign}${abs(amount):,.{digits}f}"
