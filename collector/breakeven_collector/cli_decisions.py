"""`breakeven decisions record | list | due`: what people decided."""

import json
from datetime import date
from typing import Annotated, Any

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
    plain_errors,
    settings_of,
)
from breakeven_collector.cli_prices import day_of
from breakeven_collector.settings import Settings
from breakeven_collector.verdicts.decisions import Decision

decisions_app = typer.Typer(help="Decisions about features: record, list, what is due.", no_args_is_help=True)


@decisions_app.command(
    "record",
    epilog='Examples:\n\n  breakeven decisions record code-assistant --decision stay --by "Ada, platform" '
    '--note "the model is not ready" --revisit 2027-05-01',
)
def record(
    feature: Annotated[str, typer.Argument(help="The feature.")],
    decision: Annotated[Decision, typer.Option(help="What was decided.")],
    by: Annotated[str, typer.Option(help="Who decided it.")],
    note: Annotated[str, typer.Option(help="Why.")] = "",
    revisit: Annotated[
        date | None,
        typer.Option(parser=day_of, metavar="DATE", help="Day to look again. \\[default: in six months]"),
    ] = None,
    timezone: Timezone = None,
    project: Project = None,
    format: Format = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Keep what was decided about a feature, with the spend and the verdict that it was made on."""
    from breakeven_collector.verdicts import decisions
    from breakeven_collector.verdicts.client import change

    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config, timezone=timezone)
    body = {
        "feature": feature,
        "decision": str(decision),
        "made_by": by,
        "note": note,
        "revisit_on": revisit.isoformat() if revisit else None,
        "project": project or None,
        "timezone": settings.timezone,
    }
    what = decisions.Record(feature, decision, by, note, revisit)
    with plain_errors():
        document = change(
            settings,
            url,
            "/api/decisions",
            having="recorded",
            body=body,
            here=lambda opened: decisions.record(opened, what, project=project or None, timezone=settings.timezone),
        )
    if format is TextOrJson.JSON:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    kept = document["recorded"]
    said = f" The verdict then: {document['verdict']}" if document["verdict"] else ""
    typer.echo(f"Recorded: {kept['feature']}, {kept['decision']}. Look again on {kept['revisit_on']}.{said}")
    if document["unseen"]:
        typer.echo(f"Note: {document['unseen']}", err=True)


@decisions_app.command("list", epilog="Examples:\n\n  breakeven decisions list")
def list_all(
    timezone: Timezone = None,
    project: Project = None,
    format: Format = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """What was decided, the newest first."""
    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config, timezone=timezone)
    rows = _fetch(settings, url, project)
    _print(rows, format, "Nothing was decided yet: `breakeven decisions record FEATURE --decision … --by …` keeps it.")


@decisions_app.command(
    "due", epilog="Examples:\n\n  breakeven decisions due\n\n  breakeven decisions due --format json"
)
def due(
    timezone: Timezone = None,
    project: Project = None,
    format: Format = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """What is to be looked at again: its day came, its spend moved by 30 %, a price did, or its model ends."""
    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config, timezone=timezone)
    rows = [row for row in _fetch(settings, url, project) if row["due"]]
    _print(rows, format, "Nothing is due.")


def _fetch(settings: Settings, url: str | None, project: str | None) -> list[dict[str, Any]]:
    from urllib.parse import urlencode

    from breakeven_collector.source import fetch
    from breakeven_collector.verdicts.decisions import list_decisions

    query = {"timezone": settings.timezone, **({"project": project} if project else {})}
    with plain_errors():
        return fetch(
            settings,
            url,
            f"/api/decisions?{urlencode(query)}",
            having="decisions",
            read=lambda opened: list_decisions(
                opened, config=settings.config, project=project or None, timezone=settings.timezone
            ),
        )["decisions"]


def _print(rows: list[dict[str, Any]], format: TextOrJson, none: str) -> None:
    if format is TextOrJson.JSON:
        typer.echo(json.dumps({"decisions": rows}, indent=2, ensure_ascii=False))
        return
    if not rows:
        typer.echo(none)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("Feature", "Decided", "On", "By", "Look again"):
        table.add_column(title, no_wrap=title not in ("By",))
    table.add_column("Why, and what is due", ratio=1)
    for row in rows:
        due_now = "; ".join(row["due"])
        table.add_row(
            Text(row["feature"]),
            row["decision"] + (" (replaced)" if row["replaced"] else ""),
            row["decided_at"][:10],
            Text(row["made_by"] or "–"),
            row["revisit_on"] or "–",
            Text("\n".join(filter(None, (row["note"], due_now and f"due: {due_now}")))),
        )
    Console().print(table)
