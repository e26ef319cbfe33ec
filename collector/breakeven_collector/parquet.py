"""Rows in Parquet: every type exactly; bytes, which it has no text for, in hex.

Ids of traces and spans are bytes in the store; a string of Parquet is UTF-8, and everybody else writes them in hex.
What an aggregation holds half-done (the bitmap of a table of numbers) is bytes of ClickHouse's own.
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from breakeven_collector.store import Store

_IDS: Final = ("trace_id", "span_id", "parent_span_id")
SETTINGS: Final = "output_format_parquet_string_as_string = 1, output_format_parquet_compression_method = 'zstd'"
"""What a query that is written in Parquet ends with."""


def parquet_rows(store: Store, sql: str, types: Mapping[str, str]) -> bytes:
    """The result of a query in Parquet, in its order.

    Args:
        store: an open store.
        sql: the query.
        types: its columns, and what they are in ClickHouse.

    Raises:
        StoreUnavailable, StoreError: see there.
    """
    return store.formatted(f"{readable(sql, types)} SETTINGS {SETTINGS}", "Parquet")


def readable(sql: str, types: Mapping[str, str]) -> str:
    """The query with bytes in hex; its columns are those of `types`."""
    in_hex = [f"lower(hex(`{name}`)) AS `{name}`" for name, kind in types.items() if _is_bytes(name, kind)]
    return f"SELECT * REPLACE ({', '.join(in_hex)}) FROM ({sql})" if in_hex else sql


def insert_parquet(store: Store, table: str, columns: Sequence[str], data: bytes) -> None:
    """Insert rows into an embedded store's table as `parquet_rows` gives them.

    Raises:
        StoreUnavailable, StoreError: see there.
    """
    types = column_types(store, table)
    structure = ", ".join(f"`{name}` {'String' if _is_bytes(name, types[name]) else types[name]}" for name in columns)
    values = ", ".join(_value(name, types[name]) for name in columns)
    # The engine reads the file itself: what comes behind an INSERT cannot be turned from hex.
    with tempfile.NamedTemporaryFile(suffix=".parquet", dir=store.folder) as file:
        file.write(data)
        file.flush()
        store.run(
            f"INSERT INTO {table} ({', '.join(f'`{name}`' for name in columns)}) "
            f"SELECT {values} FROM file({{f:String}}, 'Parquet', {{s:String}})",
            {"f": os.fspath(Path(file.name).absolute()), "s": structure},
            settings={"max_partitions_per_insert_block": 0},
        )


def column_types(store: Store, table: str) -> dict[str, str]:
    """Columns of a table or view, in their order, and their types.

    Raises:
        StoreUnavailable, StoreError: see there.
    """
    rows = store.rows(
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {t:String} "
        "ORDER BY position",
        {"t": table},
    )
    return {row["name"]: row["type"] for row in rows}


def _is_bytes(name: str, kind: str) -> bool:
    return name in _IDS or kind.startswith("AggregateFunction")


def _value(name: str, kind: str) -> str:
    if name in _IDS:
        return f"unhex(`{name}`)"
    return f"CAST(unhex(`{name}`), '{kind}')" if _is_bytes(name, kind) else f"`{name}`"
