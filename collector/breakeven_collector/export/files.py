"""The result of a query as a file: CSV or Parquet."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from breakeven_collector import parquet
from breakeven_collector.store import Store


class FileFormat(StrEnum):
    """What is written."""

    CSV = "csv"
    """With a header; times in ISO 8601, UTC; NULL is nothing, an empty text is ""."""
    PARQUET = "parquet"


_FORMS: Final[Mapping[FileFormat, tuple[str, str, str]]] = {
    FileFormat.CSV: (
        "CSVWithNames",
        "format_csv_null_representation = '', date_time_output_format = 'iso'",
        "text/csv",
    ),
    FileFormat.PARQUET: ("Parquet", parquet.SETTINGS, "application/vnd.apache.parquet"),
}


def media_type(form: FileFormat) -> str:
    """For the header Content-Type."""
    return _FORMS[form][2]


def write_query(store: Store, sql: str, form: FileFormat, path: Path, parameters: Mapping[str, Any]) -> None:
    """Write the result of a query, which has no SETTINGS, into a new file.

    Raises:
        StoreUnavailable, StoreError: see there.
        OSError: the file cannot be written.
    """
    name, settings, _ = _FORMS[form]
    store.write_file(f"{sql}\nSETTINGS {settings}", name, path, parameters)
