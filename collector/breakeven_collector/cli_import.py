"""`breakeven import openai | anthropic | focus`: what a provider's own account says."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from breakeven_collector.cli_import_history import history_app
from breakeven_collector.cli_options import (
    Config,
    DataDir,
    Format,
    Port,
    StoreAddress,
    TextOrJson,
    Url,
    errors,
    fail,
    plain_errors,
    settings_of,
)
from breakeven_collector.imports.exchange import exchange
from breakeven_collector.imports.files import Progress as Told
from breakeven_collector.imports.files import read_files
from breakeven_collector.imports.keep import Origin
from breakeven_collector.imports.pull import PROVIDERS, Pull
from breakeven_collector.imports_client import open_target
from breakeven_collector.render_imports import Summary, print_summary
from breakeven_collector.settings import Settings

Files = Annotated[list[Path] | None, typer.Argument(metavar="FILE…", help="Files of one export. None: a live pull.")]
Days = Annotated[
    int, typer.Option(envvar="BREAKEVEN_IMPORT_DAYS", min=1, max=3660, help="Pull so many days (UTC), today included.")
]
Project = Annotated[str | None, typer.Option(envvar="BREAKEVEN_PROJECT", help="Our project. \\[default: default]")]
Whole = Annotated[
    bool, typer.Option("--whole", help="The files tell of the whole account: what is not in them is gone.")
]
Part = Annotated[
    bool, typer.Option("--part", help="The files are limited to some of the provider's projects: the others stay.")
]
Again = Annotated[bool, typer.Option("--again", help="Pull days again that were pulled and closed already.")]
BaseUrl = Annotated[
    str | None, typer.Option(envvar="BREAKEVEN_IMPORT_URL", help="Pull from here and not from the provider's API.")
]
Rate = Annotated[list[str] | None, typer.Option(help="Dollars for one of a currency: EUR=1.08.")]

import_app = typer.Typer(
    name="import",
    help="Take in what others counted: a provider's account, or the calls that another tool kept.",
    no_args_is_help=True,
)
import_app.add_typer(history_app)


def _add_provider(source: str, about: str, epilog: str) -> None:
    @import_app.command(source, help=about, epilog=epilog)
    def _(
        files: Files = None,
        days: Days = 90,
        again: Again = False,
        base_url: BaseUrl = None,
        rate: Rate = None,
        whole: Whole = False,
        part: Part = False,
        project: Project = None,
        format: Format = TextOrJson.TABLE,
        url: Url = None,
        port: Port = None,
        store: StoreAddress = None,
        data_dir: DataDir = None,
        config: Config = None,
    ) -> None:
        settings = settings_of(port=port, store=store, data_dir=data_dir, config=config)
        if files:
            _files(source, files, settings, url, project, format, _extent(whole, part), _rates(rate))
        else:
            _pull(source, days, again, base_url, settings, url, project, format, _rates(rate))


_add_provider(
    "openai",
    "Costs and usage of an OpenAI organisation, from files or pulled with OPENAI_ADMIN_KEY.",
    "Examples:\n\n  OPENAI_ADMIN_KEY=… breakeven import openai --days 90\n\n"
    "  breakeven import openai costs.json completions.jsonl",
)
_add_provider(
    "anthropic",
    "Costs and usage of an Anthropic organisation, from files or pulled with ANTHROPIC_ADMIN_KEY.",
    "Examples:\n\n  ANTHROPIC_ADMIN_KEY=… breakeven import anthropic --days 90\n\n"
    "  breakeven import anthropic cost_report.json usage_report.json",
)


@import_app.command(
    epilog="Examples:\n\n  breakeven import focus november-*.csv\n\n"
    "  breakeven import focus export.parquet --rate EUR=1.08"
)
def focus(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="All files of an export, CSV or Parquet.")],
    rate: Rate = None,
    whole: Whole = False,
    part: Part = False,
    project: Project = None,
    format: Format = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Charges for models in a cloud's FOCUS file: Bedrock, Azure OpenAI, Vertex AI, …"""
    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config)
    _files("focus", files, settings, url, project, format, _extent(whole, part), _rates(rate))


def _files(
    source: str,
    files: list[Path],
    settings: Settings,
    url: str | None,
    project: str | None,
    format: TextOrJson,
    extent: str,
    rates: dict[str, Decimal],
) -> None:
    summary = Summary(source)
    for path in files:
        if not path.is_file():
            fail(f"{path}: there is no such file")
    with plain_errors(), _bar() as progress:
        account = read_files(source, files, now=datetime.now(UTC), rates=rates, progress=progress)
        with open_target(settings, url, project) as target:
            told = target.add(account, Origin(", ".join(path.name for path in files), extent=extent))
        summary.add(account, told)
    _show(summary, format)


def _pull(
    source: str,
    days: int,
    again: bool,
    base_url: str | None,
    settings: Settings,
    url: str | None,
    project: str | None,
    format: TextOrJson,
    rates: dict[str, Decimal],
) -> None:
    summary, now = Summary(source), datetime.now(UTC)
    with plain_errors(), _bar() as progress:
        pull = Pull(PROVIDERS[source], base_url=base_url)
        with open_target(settings, url, project) as target:
            have: set[tuple[str, str, date]] = set() if again else target.held_days(source)
            last = now.date()
            first = last - timedelta(days=days - 1)
            origin = Origin(f"pull from {pull.address}", pulled=True, extent="whole")
            for account in pull.accounts(first, last, have, now=now, progress=progress):
                exchange(account, rates)
                summary.add(account, target.add(account, origin))
    _show(summary, format)


def _show(summary: Summary, format: TextOrJson) -> None:
    if format is TextOrJson.JSON:
        typer.echo(json.dumps(summary.document(), indent=2, ensure_ascii=False))
    else:
        print_summary(Console(), summary)
    if summary.left:
        raise typer.Exit(1)


def _extent(whole: bool, part: bool) -> str:
    if whole and part:
        fail("say --whole or --part, not both")
    return "whole" if whole else "part" if part else "auto"


def _rates(told: list[str] | None) -> dict[str, Decimal]:
    rates: dict[str, Decimal] = {}
    for text in told or []:
        currency, _, rate = text.partition("=")
        try:
            number = Decimal(rate)
            if not (currency.isalpha() and len(currency) == 3 and number.is_finite() and number > 0):
                raise InvalidOperation
        except InvalidOperation:
            fail(f"--rate {text!r}: write it like EUR=1.08, dollars for one euro")
        rates[currency.upper()] = number
    return rates


@contextmanager
def _bar() -> Generator[Told]:
    bar = Progress(
        *(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )
    with bar:
        task = bar.add_task("reading", total=None)

        def progress(what: str, done: int, of: int) -> None:
            bar.update(task, description=what, completed=done, total=of or None)

        yield progress
