"""`breakeven export all | table | focus`."""

import json
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from breakeven_collector.cli_options import (
    Config,
    DataDir,
    Port,
    StoreAddress,
    Url,
    errors,
    fail,
    plain_errors,
    settings_of,
)
from breakeven_collector.cli_store import bar
from breakeven_collector.export.files import FileFormat

_Format = Annotated[
    FileFormat | None,
    typer.Option("--format", help="csv or parquet. \\[default: as the name of --out ends, else csv]"),
]
_Out = Annotated[Path | None, typer.Option("--out", help="A file. \\[default: standard output]")]
_Project = Annotated[str | None, typer.Option(help="Only this project. \\[default: all that the key may read]")]

export_app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Data for other programs: everything as Parquet, one table, or the bill in FOCUS.",
)


@export_app.command(
    "all",
    epilog="Examples:\n\n  breakeven export all --out ./everything\n\n  breakeven export all --out everything.tar\n\n"
    "  breakeven restore ./everything --data-dir ./elsewhere",
)
def all_(
    out: Annotated[Path, typer.Option("--out", help="A new folder, or a new file that ends in .tar.")],
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Write all data as Parquet with a manifest; `breakeven restore` takes it back in."""
    from breakeven_collector import backup_file, store_client

    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config)
    with plain_errors():
        path = backup_file.folder_for(out)
        with bar() as progress:
            rows = store_client.back_up(
                settings,
                url,
                path,
                progress,
                encoding=backup_file.Encoding.PARQUET,
                folder=path.suffix != ".tar",
            )
    files = [file for file in path.rglob("*") if file.is_file()] or [path]
    size = sum(file.stat().st_size for file in files)
    Console().print(f"{path}: {rows:,} rows, {size:,} bytes", highlight=False, soft_wrap=True)


@export_app.command(
    epilog="Examples:\n\n  breakeven export table --list\n\n"
    "  breakeven export table v1_spend_daily --out daily.parquet\n\n"
    "  breakeven export table calls --project shop | head",
)
def table(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A view or table of --list.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show what can be exported.")] = False,
    form: _Format = None,
    out: _Out = None,
    project: _Project = None,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Write a view or table, whole, as CSV or Parquet. The columns of views named v1_… are promised."""
    from breakeven_collector.export.client import open_exports, write_to

    if (name is None) != list_:
        fail("name a view or table, or see what there is with --list")
    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config)
    wanted = _format_of(form, out)
    with plain_errors(), tempfile.TemporaryDirectory() as folder, open_exports(settings, url) as exports:
        if name is None:
            shown = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
            shown.add_column("Name")
            shown.add_column("What it is")
            for one in exports.tables(project):
                promised = "view, its columns are promised" if one["what"] == "view" else "table"
                shown.add_row(Text(one["name"]), promised)
            Console().print(shown)
            return
        write_to(out, lambda path: exports.table(name, wanted, path, project), Path(folder))


@export_app.command(
    epilog="Examples:\n\n  breakeven export focus --from 2026-10-01 --to 2026-10-31 --out october.csv\n\n"
    "  breakeven export focus --from 2026-10-01 --to 2026-10-31 --by-tenant --out october.parquet\n\n"
    "  breakeven export focus --check october.csv",
)
def focus(
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], metavar="DAY", help="First UTC day.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], metavar="DAY", help="Last UTC day, included.")
    ] = None,
    form: _Format = None,
    out: _Out = None,
    by_tenant: Annotated[
        bool, typer.Option("--by-tenant", help="Split by tenant instead of by environment and service.")
    ] = False,
    project: _Project = None,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="FILE", help="Hold a file against FOCUS 1.2 instead.")
    ] = None,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Write the bill in FOCUS 1.2. What has no known cost is left out, and told on standard error."""
    from breakeven_collector.export.client import open_exports, write_to
    from breakeven_collector.export.focus import FocusAsked

    if check is not None:
        if first or last or out:
            fail("--check looks at a file that is there: leave --from, --to and --out away")
        _check(check)
        return
    if first is None or last is None:
        fail("say which days: --from 2026-10-01 --to 2026-10-31")
    asked = FocusAsked(first.date(), last.date(), by_tenant, project)
    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config)
    wanted = _format_of(form, out)
    with plain_errors(), tempfile.TemporaryDirectory() as folder:
        asked.parameters()
        with open_exports(settings, url) as exports:
            metadata = write_to(out, lambda path: exports.focus(asked, wanted, path), Path(folder))
        if out is not None:
            beside = out.with_name(out.name + ".metadata.json")
            beside.write_text(json.dumps(metadata, indent=1) + "\n", encoding="utf-8")
    for line in metadata["left_out"]:
        _tell("left out", line)
    for line in metadata["in_part"]:
        _tell("known in part", line)


def _tell(what: str, line: dict[str, Any]) -> None:
    units = "" if line["units"] == "0" else f", {line['units']} units of meters"
    guess = "" if line["estimated_usd"] is None else f"; estimated {line['estimated_usd']} USD, not in the file"
    errors.print(
        f"{what}: {line['calls']} calls{units}, {line['reason']}{guess}", highlight=False, markup=False, soft_wrap=True
    )


def _format_of(form: FileFormat | None, out: Path | None) -> FileFormat:
    wanted = form or (FileFormat.PARQUET if out is not None and out.suffix == ".parquet" else FileFormat.CSV)
    if out is None and wanted is FileFormat.PARQUET and sys.stdout.isatty():
        fail("Parquet is not for a screen: name a file with --out")
    return wanted


def _check(path: Path) -> None:
    from breakeven_collector.export.focus_check import check_focus
    from breakeven_collector.store import Store

    with plain_errors(), tempfile.TemporaryDirectory() as folder:
        # Parquet is read by the engine, over an empty store of its own.
        store = Store(f"chdb://{folder}/engine")
        try:
            checked = check_focus(path, store.connect() if path.suffix == ".parquet" else store, Path(folder))
        finally:
            store.close()
    console = Console()
    if not checked.findings:
        console.print(f"{path}: {checked.rows:,} rows, as FOCUS 1.2 wants them.", highlight=False, soft_wrap=True)
        return
    shown = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in ("Rule", "Rows", "First line", "What is wrong"):
        shown.add_column(column, justify="right" if column in ("Rows", "First line") else "left")
    for finding in checked.findings.values():
        line = str(finding.line) if finding.line else ""
        shown.add_row(Text(finding.rule), f"{finding.rows:,}", line, Text(finding.message))
    console.print(shown)
    raise typer.Exit(1)
