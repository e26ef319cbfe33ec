"""`breakeven alerts list | run | snooze | history`; `test` stands in a module of its own."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from breakeven_collector.alerts.events import Rule
from breakeven_collector.cli_alerts_test import alerts_test_command
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
    fail,
    plain_errors,
    settings_of,
)
from breakeven_collector.settings import Settings

alerts_app = typer.Typer(
    help="Alerts: how they stand, what was told, looking now or at the past.", no_args_is_help=True
)

_LENGTH = re.compile(r"(\d{1,4})\s*(h|d|w)")
_HOURS = {"h": 1, "d": 24, "w": 168}
Limit = Annotated[int, typer.Option(min=1, max=1000, help="At most so many, the newest.")]


@alerts_app.command("list", epilog="Examples:\n\n  breakeven alerts list")
def list_(
    timezone: Timezone = None,
    project: Project = None,
    format: Format = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """What fires, is about to, or is snoozed."""
    from breakeven_collector.alerts import client, render

    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config, timezone=timezone)
    tz = _zone(settings)
    with plain_errors():
        rows = client.fetch_alerts(settings, url, project=project, limit=1)["alerts"]
    if format is TextOrJson.JSON:
        _json({"alerts": rows})
    elif not rows:
        typer.echo(f"Nothing fires{_in(project)}. `breakeven alerts history` says what was told.")
    else:
        render.print_table(render.alerts_table(rows, tz))


@alerts_app.command("history", epilog="Examples:\n\n  breakeven alerts history --limit 20")
def history(
    limit: Limit = 100,
    timezone: Timezone = None,
    project: Project = None,
    format: Format = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """What was told, the newest first."""
    from breakeven_collector.alerts import client, render

    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config, timezone=timezone)
    tz = _zone(settings)
    with plain_errors():
        rows = client.fetch_alerts(settings, url, project=project, limit=limit)["history"]
    if format is TextOrJson.JSON:
        _json({"history": rows})
    elif not rows:
        typer.echo(f"Nothing was told yet{_in(project)}. `breakeven alerts run --days 60` says what would have been.")
    else:
        render.print_table(render.history_table(rows, tz))


@alerts_app.command(
    "run",
    epilog="Examples:\n\n  breakeven alerts run --once --dry-run\n\n  breakeven alerts run --days 60\n\n"
    "  breakeven alerts run --from 2026-10-01 --to 2026-11-01\n\n  breakeven alerts run --at '2026-11-20 14:00'",
)
def run(
    once: Annotated[bool, typer.Option("--once", help="Look now, by all rules, and tell what is to be told.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --once: write and tell nothing.")] = False,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="All that holds at a moment, as if nothing was known before: 2026-11-20 14:00."
        ),
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="What would have been told from then on.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="TIME", help="With --from. \\[default: now]")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=400, help="Instead of --from: the last so many days.")] = None,
    timezone: Timezone = None,
    format: Format = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Look now, or replay the past: what would have been told. Only --once writes anything, and tells anybody."""
    from breakeven_collector.alerts import client, render

    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config, timezone=timezone)
    tz = _zone(settings)
    now = datetime.now(UTC)
    if sum((once, at is not None, first is not None, days is not None)) != 1:
        fail("say which: --once for now, --at TIME for a moment, --days N or --from TIME for a stretch of the past")
    if dry_run and not once:
        fail("--dry-run goes with --once; all others write nothing anyway")
    with plain_errors():
        moments = [_moment(one, settings) if one is not None else None for one in (at, first, last)]
        begin = now - timedelta(days=days) if days else moments[1]

        def progress(day: datetime) -> None:
            if errors.is_terminal:
                errors.print(f"looking at {day:%Y-%m-%d}", end="\r", highlight=False)

        document = client.run(
            settings, url, at=moments[0], first=begin, last=moments[2], dry_run=dry_run, progress=progress
        )
    for error in document["errors"]:
        errors.print(f"could not be looked at: {error}", markup=False, highlight=False, soft_wrap=True)
    if format is TextOrJson.JSON:
        _json(document)
    elif not document["events"]:
        typer.echo("Nothing to tell.")
    else:
        render.print_table(render.events_table(document["events"], tz))


@alerts_app.command(
    "snooze",
    epilog="Examples:\n\n  breakeven alerts snooze jump --subject search --until 3d\n\n"
    "  breakeven alerts snooze apart --until 2026-12-01 --by Ada\n\n  breakeven alerts snooze apart --until now",
)
def snooze(
    rule: Annotated[Rule, typer.Argument(help="The rule.")],
    until: Annotated[
        str, typer.Option(metavar="TIME", help="3h, 2d, 1w, a day or a time such as '2026-12-01 08:00'; now ends one.")
    ],
    subject: Annotated[
        str | None, typer.Option(help="Only about this feature, service or provider. \\[default: all of the rule]")
    ] = None,
    by: Annotated[str, typer.Option(help="Who asks.")] = "",
    timezone: Timezone = None,
    project: Project = None,
    format: Format = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Be silent about something for a while; if it still fires then, that is told once."""
    from breakeven_collector.alerts import client

    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config, timezone=timezone)
    tz = _zone(settings)
    with plain_errors():
        moment = _until(until, settings)
        document = client.snooze(settings, url, project=project, rule=str(rule), subject=subject, until=moment, by=by)
    if format is TextOrJson.JSON:
        _json(document)
        return
    about = f"{rule} of {subject}" if subject is not None else f"all of {rule}"
    notes = [document["unseen"]] if document.get("unseen") else []
    if held := document.get("held_until"):
        until_then = f"{datetime.fromisoformat(held).astimezone(tz):%Y-%m-%d %H:%M}"
        notes.append(f"silent until {until_then} all the same, by a snooze of all of the rule or of all projects")
    for note in notes:
        errors.print(f"Note: {note}", markup=False, highlight=False, soft_wrap=True)
    when = moment.astimezone(tz)
    typer.echo(
        f"Snoozed: {about} until {when:%Y-%m-%d %H:%M}" if moment > datetime.now(UTC) else f"Heard again: {about}"
    )


alerts_test_command(alerts_app)


def _json(document: dict[str, Any]) -> None:
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _in(project: str | None) -> str:
    return f" in project {project!r}" if project else ""


def _zone(settings: Settings) -> Any:
    from breakeven_collector.period import zone

    with plain_errors():
        return zone(settings.timezone)


def _moment(text: str, settings: Settings) -> datetime:
    """A time that somebody wrote, in the zone of the report where it names none."""
    from breakeven_collector.errors import BreakevenError

    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=_zone(settings))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BreakevenError(f"{text!r} is no time; write it as 2026-11-20, or '2026-11-20 14:00'") from None


def _until(text: str, settings: Settings) -> datetime:
    now = datetime.now(UTC)
    if text.strip() == "now":
        return now
    if length := _LENGTH.fullmatch(text.strip()):
        return now + timedelta(hours=int(length[1]) * _HOURS[length[2]])
    return _moment(text, settings)
