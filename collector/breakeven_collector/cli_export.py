"""`breakeven export all | table | focus`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from breakeven_collector.cli_options import Config, DataDir, Port, StoreAddress, Url, plain_errors, settings_of
from breakeven_collector.cli_store import bar

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
