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


def otlp_schema() -> Path:
    """The file with the protobuf schema that ClickHouse decodes requests with (`format_schema`)."""
    return Path(str(files("breakeven_schema") / "otlp.proto"))
