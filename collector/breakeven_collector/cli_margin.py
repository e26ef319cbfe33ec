"""`breakeven revenue import`, `breakeven margin`: what features and tenants earn over what they cost."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from breakeven_collector.cli_options import (
    Config,
    DataDir,
    Format,
    Port,
    Project,
    StoreAddress,
    TextOrJson,
    Timezone,
    Url,
    errors,
    plain_errors,
    settings_of,
    text_of,
)
from breakeven_collector.render import money, percent
from breakeven_collector.verdicts.margin import MarginBy

margin_app = typer.Typer()
revenue_app = typer.Typer(help="Revenue, for margins.", no_args_is_help=True)
margin_app.add_typer(revenue_app, name="revenue")


@revenue_app.callback()
def _revenue() -> None:
    pass


@revenue_app.command("import", epilog="Examples:\n\n  breakeven revenue import revenue.csv")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV with a head: month or day, feature or tenant, usd.")],
    project: Annotated[
        str | None, typer.Option(envvar="BREAKEVEN_PROJECT", help="Project it is for. \\[default: default]")
    ] = None,
    format: Format = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Take revenue from a file; the same month or day and name again replaces it. Exit code 1 where rows do not fit."""
    from breakeven_collector.verdicts.client import change
    from breakeven_collector.verdicts.revenue import import_revenue

    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config)
    with plain_errors():
        text = text_of(file, "a CSV file")
        document = change(
            settings,
            url,
            "/api/revenue",
            having="imported",
            body={"name": file.name, "csv": text, "project": project or None},
            here=lambda opened: import_revenue(opened, text, file.name, project=project or None),
        )
    if format is TextOrJson.JSON:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        span = f", {document['from']} to {document['to']}" if document["from"] else ""
        typer.echo(f"{document['imported']:,} rows taken, ${float(document['usd']):,.2f}{span}.")
        for row in document["bad"]:
            errors.print(Text(f"{file.name}: line {row['line']}: {row['why']}"), soft_wrap=True)
    if document["bad"]:
        raise typer.Exit(1)


@margin_app.command(epilog="Examples:\n\n  breakeven margin\n\n  breakeven margin --by tenant --months 6")
def margin(
    by: Annotated[MarginBy, typer.Option(envvar="BREAKEVEN_BY", help="feature or tenant.")] = MarginBy.FEATURE,
    months: Annotated[
        int, typer.Option(envvar="BREAKEVEN_MONTHS", min=1, max=36, help="The present month and those before it.")
    ] = 3,
    timezone: Timezone = None,
    project: Project = None,
    format: Format = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Gross margin: revenue against cost of goods, over the same days of each month."""
    from urllib.parse import urlencode

    from breakeven_collector.source import fetch
    from breakeven_collector.verdicts.margin import build_margin

    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config, timezone=timezone)
    query = {
        "by": str(by),
        "months": months,
        "timezone": settings.timezone,
        **({"project": project} if project else {}),
    }
    with plain_errors():
        document = fetch(
            settings,
            url,
            f"/api/margin?{urlencode(query)}",
            having="rows",
            read=lambda opened: build_margin(
                opened, by=by, months=months, project=project or None, timezone=settings.timezone
            ),
        )
    if format is TextOrJson.JSON:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    _print(document, Console())


def _print(document: dict[str, object], console: Console) -> None:
    rows: list[dict[str, object]] = document["rows"]  # pyright: ignore[reportAssignmentType]
    months: list[dict[str, object]] = document["months"]  # pyright: ignore[reportAssignmentType]
    if not rows:
        console.print("No cost and no revenue in these months.")
        return
    by = str(document["by"])
    if months:
        told = f"{_last(months[-1]['to'])}, {document['timezone']}"
        console.print(Text(f"Whole days with calls, {months[0]['from']} to {told}"), style="bold")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(by.capitalize())
    for title in ("Revenue", "Cost of goods", "Gross margin"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("", ratio=1)
    for row in rows:
        said = [row["warning"]] if row["warning"] else []
        said += [f"{row['unpriced_calls']:,} calls without a price"] if row["unpriced_calls"] else []
        table.add_row(
            Text(str(row[by] or "not told")),
            _usd(row["revenue_usd"]),
            _usd(row["cost_usd"]),
            percent(row["gross_margin"], absent="–"),  # pyright: ignore[reportArgumentType]
            Text("; ".join(str(one) for one in said)),
        )
    console.print(table)
    cut = [
        f"{one['month']} (its {one['days']} {'day' if one['days'] == 1 else 'days'})"
        for one in months
        if not _is_whole(one)
    ]
    if cut and any(row["revenue_usd"] for row in rows):
        console.print(Text(f"Revenue is taken for the same days as cost, a share of the month: {', '.join(cut)}."))
    if not any(row["revenue_usd"] for row in rows):
        console.print("No revenue is known: `breakeven revenue import FILE` takes it.")


def _usd(value: object) -> str:
    return "–" if value is None else money(str(value))


def _last(after: object) -> date:
    return date.fromisoformat(str(after)) - timedelta(days=1)


def _is_whole(month: dict[str, object]) -> bool:
    return date.fromisoformat(str(month["from"])).day == 1 and date.fromisoformat(str(month["to"])).day == 1
