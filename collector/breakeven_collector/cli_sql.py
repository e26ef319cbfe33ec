"""`breakeven sql-users`: readers on a ClickHouse server."""

import secrets
from pathlib import Path
from typing import Annotated

import typer

from breakeven_collector.cli_options import StoreAddress, errors, fail, plain_errors, settings_of, text_of

sql_app = typer.Typer()


@sql_app.command(
    "sql-users",
    epilog="Examples:\n\n  breakeven sql-users acme\n\n"
    "  breakeven sql-users acme | clickhouse-client --host clickhouse.internal --multiquery\n\n"
    "  breakeven sql-users --all --apply --password-file reader.txt",
)
def sql_users(
    projects: Annotated[list[str] | None, typer.Argument(help="Projects that get a reader: default, …")] = None,
    everything: Annotated[
        bool, typer.Option("--all", envvar="BREAKEVEN_ALL_PROJECTS", help="A reader of all projects, for who runs it.")
    ] = False,
    apply: Annotated[
        bool,
        typer.Option(
            "--apply", envvar="BREAKEVEN_APPLY", help="Run it on the server of --store, instead of printing it."
        ),
    ] = False,
    password_file: Annotated[
        Path | None,
        typer.Option(
            envvar="BREAKEVEN_PASSWORD_FILE",
            help="File with the reader's password. \\[default: a new one, told on stderr]",
        ),
    ] = None,
    store: StoreAddress = None,
) -> None:
    """Print the SQL that makes a read-only user for a project on a ClickHouse server. The password goes to stderr."""
    from breakeven_collector.sql.readers import reader_statements, user_of
    from breakeven_collector.store import Store

    with plain_errors():
        place = Store(settings_of(store=store).dsn)
        if apply and place.embedded:
            fail("--apply needs a ClickHouse server: name it with --store (BREAKEVEN_STORE)")
        readers: list[str | None] = [*(projects or []), *([None] if everything else [])]
        if not readers:
            fail("name projects, such as default, or --all")
        if password_file and len(readers) > 1:
            fail(f"--password-file is for one reader, and there are {len(readers)}")
        for project in readers:
            password = secrets.token_urlsafe(24)
            if password_file and not (password := text_of(password_file, "the reader's password").strip()):
                fail(f"{password_file} is empty: write the reader's password into it")
            statements = list(reader_statements(project, password, database=place.database))
            if apply:
                for statement in statements:
                    place.run(statement)
                typer.echo(f"user {user_of(project)}: {len(statements)} statements run on {place.address}")
            else:
                typer.echo("\n\n".join(f"{statement};" for statement in statements))
            if not password_file:
                errors.print(f"user {user_of(project)}, password {password}", highlight=False, markup=False)
