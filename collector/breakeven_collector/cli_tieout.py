"""`breakeven tieout`: billed against seen."""

import json
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

import typer

from breakeven_collector.cli_options import (
    Config,
    DataDir,
    Days,
    FirstDay,
    LastDay,
    Month,
    Port,
    Project,
    ReportFormat,
    StoreAddress,
    TextJsonOrCsv,
    Url,
    plain_errors,
    settings_of,
)
from breakeven_collector.tieout import TieOutBy

tieout_app = typer.Typer()


@tieout_app.command(
    epilog="Examples:\n\n  breakeven tieout\n\n  breakeven tieout --month 2026-10 --by key\n\n"
    "  breakeven tieout --format json"
)
def tieout(
    days: Days = 30,
    by: Annotated[
        TieOutBy, typer.Option(envvar="BREAKEVEN_TIEOUT_BY", help="What to break it down by.")
    ] = TieOutBy.PROVIDER,
    month: Month = None,
    first: FirstDay = None,
    last: LastDay = None,
    project: Project = None,
    format: ReportFormat = TextJsonOrCsv.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Compare what the provider bills with what calls told: what is unseen, and what explains the difference."""
    from breakeven_collector import render_tieout
    from breakeven_collector.declarations import load_declarations
    from breakeven_collector.period import Asked
    from breakeven_collector.source import fetch
    from breakeven_collector.source_billed import catalog_of
    from breakeven_collector.store import Store
    from breakeven_collector.tieout import TieOut, build_tieout

    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config)
    asked = Asked(days, month, first and first.date(), last and last.date())

    def read(store: Store) -> TieOut:
        return build_tieout(
            store,
            catalog_of(settings, store),
            load_declarations(settings.config),
            period=asked.period(datetime.now(UTC)),
            by=by,
            project=project or None,
        )

    query = {**asked.query(), "by": str(by), **({"project": project} if project else {})}
    query.pop("timezone")
    with plain_errors():
        document = fetch(settings, url, f"/api/tieout?{urlencode(query)}", having="findings", read=read)
    if format is TextJsonOrCsv.JSON:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    elif format is TextJsonOrCsv.CSV:
        typer.echo(render_tieout.tieout_csv(document), nl=False)
    else:
        render_tieout.print_tieout(document)
