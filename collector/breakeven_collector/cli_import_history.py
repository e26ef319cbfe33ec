"""`breakeven import litellm | langfuse | helicone`: calls that another tool kept."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from breakeven_collector.cli_options import (
    Config,
    DataDir,
    Format,
    Port,
    StoreAddress,
    TextOrJson,
    Url,
    errors,
    plain_errors,
    settings_of,
)
from breakeven_collector.histories.reading import Cached, Options
from breakeven_collector.settings import Settings

_MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]

Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE…", exists=True, dir_okay=False, help="Exports, plain or packed as .gz or .zst."),
]
First = Annotated[
    datetime | None,
    typer.Option("--from", envvar="BREAKEVEN_FROM", formats=_MOMENTS, help="Only calls from this moment on (UTC)."),
]
Until = Annotated[
    datetime | None,
    typer.Option(
        "--until",
        envvar="BREAKEVEN_UNTIL",
        formats=_MOMENTS,
        help="Only calls before this moment (UTC): when your own spans began.",
    ),
]
FeatureFrom = Annotated[
    str,
    typer.Option(
        envvar="BREAKEVEN_FEATURE_FROM",
        metavar="PATH",
        help="Where a row says its feature: metadata.team.feature, request_tags.app, … \\[default: a property, tag or "
        "metadata named feature]",
    ),
]
CachedTokens = Annotated[
    Cached,
    typer.Option(
        "--cached",
        envvar="BREAKEVEN_CACHED",
        help="Cached tokens are inside the input that is told, or beside it. \\[default: as each row tells]",
        show_default=False,
    ),
]
Project = Annotated[
    str | None, typer.Option(envvar="BREAKEVEN_PROJECT", help="Whose calls they are. \\[default: the key's project]")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only read the files and say what is in them.")]
Sealed = Annotated[
    bool,
    typer.Option(
        "--sealed",
        envvar="BREAKEVEN_SEALED",
        help="Also take calls of minutes whose single calls are no longer kept; do that once only.",
    ),
]

history_app = typer.Typer()


@history_app.command(
    epilog="Examples:\n\n  breakeven import litellm spendlogs.csv\n\n"
    "  breakeven import litellm dump.sql.gz --until 2026-11-01 --feature-from request_tags.app"
)
def litellm(
    files: Files,
    first: First = None,
    until: Until = None,
    feature_from: FeatureFrom = "",
    project: Project = None,
    dry_run: DryRun = False,
    sealed: Sealed = False,
    format: Format = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Import LiteLLM_SpendLogs: CSV, JSON, JSON lines, or a dump by pg_dump."""
    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config)
    _run("litellm", files, first, until, Options(feature_from), project, dry_run, sealed, format, url, settings)


def _add_tool(source: str, about: str, epilog: str) -> None:
    @history_app.command(source, help=about, epilog=epilog)
    def _(
        files: Files,
        first: First = None,
        until: Until = None,
        feature_from: FeatureFrom = "",
        cached: CachedTokens = Cached.AUTO,
        project: Project = None,
        dry_run: DryRun = False,
        sealed: Sealed = False,
        format: Format = TextOrJson.TABLE,
        url: Url = None,
        port: Port = None,
        store: StoreAddress = None,
        data_dir: DataDir = None,
        config: Config = None,
    ) -> None:
        settings = settings_of(port=port, store=store, data_dir=data_dir, config=config)
        options = Options(feature_from, cached)
        _run(source, files, first, until, options, project, dry_run, sealed, format, url, settings)


_add_tool(
    "langfuse",
    "Import Langfuse's observations: Parquet, CSV, JSON or JSON lines.",
    "Examples:\n\n  breakeven import langfuse observations_v2/*.parquet\n\n"
    "  breakeven import langfuse export.json --feature-from metadata.product",
)
_add_tool(
    "helicone",
    "Import Helicone's requests: JSON lines, CSV or JSON.",
    "Examples:\n\n  breakeven import helicone helicone-export.jsonl\n\n"
    "  breakeven import helicone output.csv --feature-from request_properties.App",
)


def _run(
    source: str,
    files: list[Path],
    first: datetime | None,
    until: datetime | None,
    options: Options,
    project: str | None,
    dry_run: bool,
    sealed: bool,
    format: TextOrJson,
    url: str | None,
    settings: Settings,
) -> None:
    from breakeven_collector.histories.render import print_taken
    from breakeven_collector.histories.run import look_at, take_in
    from breakeven_collector.histories.take import Span
    from breakeven_collector.histories.target import open_target

    wanted = Span(_utc(first), _utc(until))
    bar = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=errors, transient=True
    )
    with plain_errors():
        if dry_run:
            with bar:
                task = bar.add_task("reading")
                document = look_at(source, files, options, wanted, lambda what: bar.update(task, description=what))
        else:
            with open_target(settings, url, project) as target, bar:
                task = bar.add_task("reading")
                document = take_in(
                    target,
                    source,
                    files,
                    options,
                    wanted,
                    lambda what: bar.update(task, description=what),
                    sealed=sealed,
                )
    if format is TextOrJson.JSON:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        print_taken(document, Console())
    if document["rows"] and not document["calls"] and document["bad_rows"]:
        raise typer.Exit(1)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
