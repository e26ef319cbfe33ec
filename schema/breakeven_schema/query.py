"""The SQL statements that the collector runs, read from their files."""

from functools import cache
from importlib.resources import files
from pathlib import Path


@cache
def query(name: str) -> str:
    """Text of `queries/<name>.sql`; its parameters stand in it as ClickHouse's `{name:Type}`.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return (files("breakeven_schema") / "queries" / f"{name}.sql").read_text(encoding="utf-8")


@cache
def priced_sums(name: str) -> str:
    """`queries/<name>.sql`; its `spend_of(…)` prices the sums of `queries/<name>_rows.sql`, not the rows of the cubes.

    A view cannot know what its reader will sum up, so its query is put into the statement with other rows in the place
    that `views/12_spend_of.sql` marks: there stays one formula of prices.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the marks are not where they should be.
    """
    view = (files("breakeven_schema") / "views" / "12_spend_of.sql").read_text(encoding="utf-8")
    _, _, formula = view.partition("CREATE OR REPLACE VIEW spend_of AS\n")
    before, start, rest = formula.partition("-- rows:")
    _, end, after = rest.partition("-- end of rows\n")
    reader, call, remainder = query(name).partition("spend_of(book={book:String})")
    if not (start and end and call):
        raise ValueError(f"{name}.sql or views/12_spend_of.sql lacks its mark")
    return f"{reader}({before}(\n{query(f'{name}_rows')})\n{after}){remainder}"


def otlp_schema() -> Path:
    """The file with the protobuf schema that ClickHouse decodes requests with (`format_schema`)."""
    return Path(str(files("breakeven_schema") / "otlp.proto"))
