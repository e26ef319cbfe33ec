"""`breakeven backup | restore | erase`."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
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

store_app = typer.Typer(pretty_exceptions_enable=False)


@store_app.command(
    epilog="Examples:\n\n  breakeven backup /mnt/backups\n\n  breakeven backup store.backup --url http://collector.internal:4318"
)
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE|FOLDER", help="A new file, or a folder for one.")],
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Write the whole embedded store into a file, while the collector goes on taking spans."""
    from breakeven_collector import backup_file, store_client

    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config)
    with plain_errors():
        path = backup_file.file_for(target, datetime.now(UTC))
        with bar() as progress:
            rows = store_client.back_up(settings, url, path, progress)
    Console().print(f"{path}: {rows:,} rows, {path.stat().st_size:,} bytes", highlight=False, soft_wrap=True)


@store_app.command(
    epilog="Stop the collector first.\n\nExamples:\n\n  breakeven restore store.backup --data-dir ./data\n\n"
    "  breakeven restore store.backup --replace"
)
def restore(
    file: Annotated[Path, typer.Argument(help="What `breakeven backup` or `export all` wrote.")],
    replace: Annotated[bool, typer.Option("--replace", help="The store may hold data, which is lost.")] = False,
    store: StoreAddress = None,
    data_dir: DataDir = None,
) -> None:
    """Make the embedded store what it was when the backup was made. Checks everything before it changes anything."""
    from breakeven_collector.backup import restore_backup

    settings = settings_of(store=store, data_dir=data_dir)
    with plain_errors(), bar() as progress:
        manifest = restore_backup(settings.dsn, file, progress, replace=replace)
    if waiting := sum(1 for _ in settings.journal_dir.glob("*.seg")):
        errors.print(
            f"{waiting} segments wait in {settings.journal_dir}: `breakeven up` will add them.", soft_wrap=True
        )
    Console().print(
        f"Restored {manifest.rows:,} rows of {manifest.made_at}, each compared.", highlight=False, soft_wrap=True
    )


@store_app.command(
    epilog="Examples:\n\n  breakeven erase --user u-17 --dry-run\n\n  breakeven erase --tenant acme --project shop"
)
def erase(
    user: Annotated[str | None, typer.Option(help="The user's id, as applications send it.")] = None,
    tenant: Annotated[str | None, typer.Option(help="The tenant's name, as applications send it.")] = None,
    project: Annotated[str | None, typer.Option(help="Only in this project. \\[default: all]")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show where the id stands.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Take a user or a tenant out of the store; the bill stays. Exit code 1 if the id still stands somewhere."""
    from breakeven_collector import store_client
    from breakeven_collector.erase import Whom

    if (user is None) == (tenant is None):
        fail("say whom to erase: either --user or --tenant")
    settings = settings_of(port=port, store=store, data_dir=data_dir, config=config)
    console = Console()
    with plain_errors():
        whom = Whom("tenant" if user is None else "user_id", (user if tenant is None else tenant) or "", project)
        with console.status("looking") as status:
            found = store_client.erase(settings, url, whom, status.update, dry_run=True)
        _print_erased(found, console, done=False)
        if dry_run or not (found["before"] or found["files_before"]):
            return
        if not yes and not typer.confirm("Erase it? This cannot be undone"):
            fail("nothing was changed")
        with console.status("erasing") as status:
            result = store_client.erase(settings, url, whom, status.update, dry_run=False)
        _print_erased(result, console, done=True)
    if result["after"] or result["files_after"]:
        raise typer.Exit(1)


def _print_erased(document: dict[str, Any], console: Console, *, done: bool) -> None:
    if not (document["before"] or document["files_before"]):
        console.print("The id stands nowhere in the store.")
        return
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("Where")
    table.add_column("Rows", justify="right")
    if done:
        table.add_column("Left", justify="right")
    for where, rows in document["before"].items():
        table.add_row(where, f"{rows:,}", *((f"{document['after'].get(where, 0):,}",) if done else ()))
    for name in document["files_before"]:
        left = "1" if name in document["files_after"] else "0"
        table.add_row(Text(f"request in {name}"), "1", *((left,) if done else ()))
    console.print(table)
    if not done:
        return
    same = document["bill_before"] == document["bill_after"]
    console.print(
        f"The bill {'is what it was' if same else 'CHANGED'}: {document['bill_after']['calls']} calls, "
        f"{document['bill_after']['cost_usd'] or '0'} USD.",
        highlight=False,
    )
    if document["after"]:
        console.print(
            "What is left is a name there (of a feature, route, agent, …), not who a call was for: rename it where it "
            "comes from.",
            soft_wrap=True,
        )


@contextmanager
def bar() -> Generator[Any]:
    """A progress bar on stderr, as something to be told how far it is."""
    shown = Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), console=errors
    )
    with shown:
        task = shown.add_task("starting", total=None)

        def progress(what: str, done: int, of: int) -> None:
            shown.update(task, description=what, completed=done, total=of or None)

        yield progress
