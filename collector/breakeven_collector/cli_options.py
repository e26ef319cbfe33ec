"""What the commands share: options, and how errors are told."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from breakeven_collector import logs
from breakeven_collector.errors import BreakevenError, ConfigError
from breakeven_collector.logs import LogFormat
from breakeven_collector.settings import SECRETS_DIR, Settings

errors = Console(stderr=True)
"""Where messages to people go."""

Host = Annotated[str | None, typer.Option(envvar="BREAKEVEN_HOST", help="Address to listen on. \\[default: 127.0.0.1]")]
Port = Annotated[
    int | None, typer.Option(envvar="BREAKEVEN_PORT", min=0, max=65535, help="Port of the collector. \\[default: 4318]")
]
GrpcPort = Annotated[
    int | None,
    typer.Option(
        envvar="BREAKEVEN_GRPC_PORT",
        min=-1,
        max=65535,
        help="Port for OTLP over gRPC; -1 is none. \\[default: 4317, or none if that is taken]",
    ),
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
        envvar="BREAKEVEN_CONFIG",
        help="File with features, their owners, rules, aliases and \\[\\[models]]. \\[default: breakeven.toml]",
    ),
]
Url = Annotated[
    str | None,
    typer.Option(
        envvar="BREAKEVEN_URL",
        help="A running collector to ask. \\[default: the one on this machine's --port, else the store itself]",
    ),
]

Timezone = Annotated[
    str | None, typer.Option(envvar="BREAKEVEN_TIMEZONE", help="Where days begin: Europe/Berlin, … \\[default: UTC]")
]
Project = Annotated[
    str | None,
    typer.Option(
        envvar="BREAKEVEN_PROJECT", help="Only this project. \\[default: all that the key in BREAKEVEN_KEY may read]"
    ),
]

LogLines = Annotated[
    LogFormat | None,
    typer.Option(
        "--log-format",
        envvar="BREAKEVEN_LOG_FORMAT",
        help="Log lines: text, or json for one object a line. \\[default: text]",
    ),
]


class TextOrJson(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    JSON = "json"


Format = Annotated[TextOrJson, typer.Option("--format", envvar="BREAKEVEN_FORMAT", help="table or json.")]


class TextJsonOrCsv(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


ReportFormat = Annotated[TextJsonOrCsv, typer.Option("--format", envvar="BREAKEVEN_FORMAT", help="table, json or csv.")]

# A period, as `period.Asked` takes it.
Days = Annotated[
    int, typer.Option(envvar="BREAKEVEN_DAYS", min=1, max=3660, help="The last so many days (UTC), today included.")
]
Month = Annotated[
    str | None, typer.Option(envvar="BREAKEVEN_MONTH", help="Instead of --days: a month, such as 2026-10.")
]
FirstDay = Annotated[
    datetime | None,
    typer.Option("--from", envvar="BREAKEVEN_FROM", formats=["%Y-%m-%d"], help="Instead of --days: the first day."),
]
LastDay = Annotated[
    datetime | None,
    typer.Option(
        "--to", envvar="BREAKEVEN_TO", formats=["%Y-%m-%d"], help="The last day, included. \\[default: today]"
    ),
]


def settings_of(*, makes_config: bool = False, **options: Any) -> Settings:
    """Settings from the options that were given, else from the environment; one that does not fit ends the program.

    So does a config file that is named and not there, unless the command `makes_config`.
    """
    config = options.get("config")
    if config is not None and not makes_config and not config.exists():
        fail(f"{config}: there is no such file; give the path of one with --config (BREAKEVEN_CONFIG), or leave it out")
    secrets = os.environ.get(SECRETS_DIR)
    if secrets and not Path(secrets).is_dir():
        fail(f"{SECRETS_DIR} is {secrets!r}, which is no folder; name one with a file a secret, or leave it out")
    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:
            # It is about several settings at once, which the message names.
            fail(first["msg"].removeprefix("Value error, "))
        name = str(first["loc"][0])
        fail(f"{name} (BREAKEVEN_{name.upper()}) is {first['input']!r}: {first['msg']}")


@contextmanager
def plain_errors(*, other_folder: str = "--data-dir") -> Generator[None]:
    """What can go wrong is told in a line, and the program ends.

    Args:
        other_folder: option that names another folder, where one cannot be written.
    """
    try:
        yield
    except BreakevenError as error:
        fail(str(error))
    except OSError as error:
        # A folder that is a file, or that may not be written.
        fail(f"{error.filename or 'the disk'}: {error.strerror or error}; choose another folder with {other_folder}")


def text_of(path: Path, write: str) -> str:
    """The text of a file that somebody named; of stdin where it is -.

    Args:
        path: the file's.
        write: what to name instead where it cannot be read.

    Raises:
        ConfigError: it cannot be read, or is not UTF-8.
    """
    is_stdin = str(path) == "-"
    try:
        return (sys.stdin.buffer.read() if is_stdin else path.read_bytes()).decode()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{'stdin' if is_stdin else path}: {reason}; give the path of {write}") from None


def log_to_stderr(settings: Settings) -> None:
    """From here on log lines go to stderr."""
    logs.configure(settings.log_format, errors)


def fail(message: str) -> NoReturn:
    """Say what is wrong and end the program with code 1."""
    if logs.told_in_json(message):
        raise typer.Exit(1)
    # Not as markup: a message may hold square brackets.
    errors.print(Text.assemble(("breakeven:", "bold red"), " ", message), soft_wrap=True)
    raise typer.Exit(1)
