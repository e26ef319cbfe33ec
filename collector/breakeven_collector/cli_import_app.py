"""`breakeven import`: the commands are in cli_import (accounts) and cli_import_history (calls)."""

import typer

import_app = typer.Typer(
    name="import",
    help="Take in what others counted: a provider's account, or the calls that another tool kept.",
    no_args_is_help=True,
)
