"""What commands have in common: options, settings made of them, and errors as one plain line."""

from collections.abc import Generator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from breakeven_collector.errors import BreakevenError
from breakeven_collector.settings import Settings

errors = Console(stderr=True)
"""Where messages to people go."""

Port = Annotated[
    int | None, typer.Option(envvar="BREAKEVEN_PORT", min=0, max=65535, help="Port of the collector. \\[default: 4318]")
]
StoreAddress = Annotated[
    str | None,
    typer.Option(
        envvar="BREAKEVEN_STORE",
        help="Where the data is: chdb:///folder, or http(s)://user:password@host:8123/database of a ClickHouse server. "
        "\\[default: an embedded store under --data-dir]",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        envvar="BREAKEVEN_DATA_DIR", help="Folder of journal and store. \\[default: ~/.local/share/breakeven]"
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        envvar="BREAKEVEN_CONFIG", help="File with owners, budgets and \\[\\[models]]. \\[default: breakeven.toml]"
    ),
]
Url = Annotated[
    str | None,
    typer.Option(
        envvar="BREAKEVEN_URL",
        help="A running collector to ask. \\[default: the one on this machine's --port, else the store itself]",
    ),
]


class TextOrJson(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    JSON = "json"


def settings_from(**options: Any) -> Settings:
    """Settings of the options that were given; a bad one ends the program with its name."""
    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        fail(f"{name} (BREAKEVEN_{name.upper()}) is {first['input']!r}: {first['msg']}")


@contextmanager
def plain_errors() -> Generator[None]:
    """End the program with one line where something expected goes wrong."""
    try:
        yield
    except BreakevenError as error:
        fail(str(error))
    except OSError as error:
        # A folder that is a file, or that may not be written.
        fail(f"{error.filename or 'the disk'}: {error.strerror or error}")


def fail(message: str) -> NoReturn:
    """Print a message and end the program with code 1."""
    # Not as markup: a message may hold square brackets.
    errors.print(Text.assemble(("breakeven:", "bold red"), " ", message), soft_wrap=True)
    raise typer.Exit(1)
