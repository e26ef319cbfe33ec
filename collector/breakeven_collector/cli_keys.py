"""`breakeven keys create | list | revoke`."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from breakeven_collector.cli_options import (
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
from breakeven_collector.keys import Scope

keys_app = typer.Typer(help="Keys: who may write and read, and in which project.", no_args_is_help=True)

_USE = {
    Scope.INGEST: "in an application:  BREAKEVEN_API_KEY",
    Scope.READ: "on the command line:  BREAKEVEN_KEY",
    Scope.ADMIN: "on the command line:  BREAKEVEN_KEY",
}


@keys_app.command(
    epilog="Examples:\n\n  breakeven keys create --scope ingest --note 'checkout service'\n\n"
    "  breakeven keys create --scope read --project search\n\n  breakeven keys create --scope admin"
)
def create(
    scope: Annotated[Scope, typer.Option(help="ingest writes spans, read reads, admin does all.")],
    project: Annotated[
        str | None,
        typer.Option(help="Project that the key is for. \\[default: default; for an admin: all projects]"),
    ] = None,
    note: Annotated[str, typer.Option(help="Who gets it, and what for.")] = "",
    format: Format = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key and print it. It is told this once: only its digest is kept."""
    from breakeven_collector.keys_client import open_keys

    settings = settings_of(port=port, store=store, data_dir=data_dir)
    with plain_errors(), open_keys(settings, url) as keys:
        made = keys.create(scope, project, note)
    if format is TextOrJson.JSON:
        _print_json(made)
        return
    # The key alone on stdout, so that it can go into a file or a secret store without being shown.
    typer.echo(made["key"])
    errors.print(
        Text(
            f"{scope} key {made['key_id']} of {_project(made)}; use it {_USE[scope]}. It is not shown again.\n"
            "From the first key on every request needs one: applications send spans with an ingest key."
        ),
        soft_wrap=True,
    )


@keys_app.command(epilog="Examples:\n\n  breakeven keys generate --scope admin > admin.key")
def generate(
    scope: Annotated[Scope, typer.Option(help="ingest writes spans, read reads, admin does all.")],
) -> None:
    """Print a key that is kept nowhere: for BREAKEVEN_ADMIN_KEY, BREAKEVEN_INGEST_KEY or BREAKEVEN_READ_KEY."""
    from breakeven_collector.keys import new_secret

    typer.echo(new_secret(scope))


@keys_app.command(
    "list", epilog="Examples:\n\n  breakeven keys list\n\n  breakeven keys list --url https://breakeven.internal"
)
def list_keys(
    format: Format = TextOrJson.TABLE,
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
) -> None:
    """The keys that hold: what they are for, not the keys themselves."""
    from breakeven_collector.keys_client import open_keys

    settings = settings_of(port=port, store=store, data_dir=data_dir)
    with plain_errors(), open_keys(settings, url) as keys:
        document = keys.list()
    if format is TextOrJson.JSON:
        _print_json(document)
        return
    if not document["keys"]:
        typer.echo("No keys.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("Id", "Scope", "Project", "Made", "Note"):
        table.add_column(heading)
    for key in document["keys"]:
        # Text, not markup: a note may hold square brackets.
        table.add_row(key["key_id"], key["scope"], _project(key), key["created_at"][:10], Text(key["note"]))
    Console().print(table)


@keys_app.command(epilog="Examples:\n\n  breakeven keys revoke 1f0c9a3e")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `breakeven keys list` shows it.")],
    url: Url = None,
    port: Port = None,
    store: StoreAddress = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key hold no more: within seconds in every collector of the store."""
    from breakeven_collector.keys_client import open_keys

    settings = settings_of(port=port, store=store, data_dir=data_dir)
    with plain_errors(), open_keys(settings, url) as keys:
        gone = keys.revoke(key_id)["revoked"]
    typer.echo(f"Revoked: {gone['scope']} key {gone['key_id']} of {_project(gone)}.")


def _project(key: dict[str, Any]) -> str:
    return key["project"] or "all projects"


def _print_json(document: dict[str, Any]) -> None:
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
