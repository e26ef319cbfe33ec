"""`breakeven sql-users`: readers on a ClickHouse server."""

import secrets
from typing import Annotated

import typer

from breakeven_collector.cli_options import StoreAddress, errors, plain_errors, settings_of

sql_app = typer.Typer()


@sql_app.command(
    "sql-users",
    epilog="Examples:\n\n  breakeven sql-users acme\n\n"
    "  breakeven sql-users acme | clickhouse-client --host clickhouse.internal --multiquery",
)
def sql_users(
    projects: Annotated[list[str], typer.Argument(help="Projects that get a reader: default, …")],
    store: StoreAddress = None,
) -> None:
    """Print the SQL that makes a read-only user for a project on a ClickHouse server. The password goes to stderr."""
    from breakeven_collector.sql.readers import reader_statements
    from breakeven_collector.store import Store

    with plain_errors():
        database = Store(settings_of(store=store).dsn).database
        for project in projects:
            password = secrets.token_urlsafe(24)
            statements = list(reader_statements(project, password, database=database))
            typer.echo("\n\n".join(f"{statement};" for statement in statements))
            errors.print(f"user breakeven_{project}, password {password}", highlight=False, markup=False)
