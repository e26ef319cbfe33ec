"""The SQL statements that the collector runs, read from their files."""

from functools import cache
from importlib.resources import files


@cache
def query(name: str) -> str:
    """Text of `queries/<name>.sql`; its parameters stand in it as ClickHouse's `{name:Type}`.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return (files("breakeven_schema") / "queries" / f"{name}.sql").read_text(encoding="utf-8")


@cache
def otlp_schema() -> str:
    """The protobuf schema that ClickHouse decodes requests with (`format_schema`)."""
    return (files("breakeven_schema") / "otlp.proto").read_text(encoding="utf-8")
