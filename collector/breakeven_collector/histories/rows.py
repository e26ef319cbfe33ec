"""Files of rows: CSV, JSON lines, JSON, Parquet, and the text that pg_dump writes; plain, gzip or zstd.

A record that cannot be read is handed on as an error with its place, and reading goes on behind it wherever there is a
way to tell where the next one begins.
"""

import csv
import gzip
import io
import json
import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final, cast

if sys.version_info >= (3, 14):
    from compression import zstd  # pyright: ignore[reportMissingImports]
else:
    from backports import zstd

from breakeven_collector.errors import BreakevenError
from breakeven_collector.histories.fields import BadRow, Row

_COPY: Final = re.compile(r'COPY (?:[\w"]+\.)?"?(\w+)"? \((.*)\) FROM stdin;')
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CHUNK: Final = 1 << 20

csv.field_size_limit(1 << 30)


class UnreadableFile(BreakevenError):
    """A file that is none of the formats."""


def rows_of(path: Path, table: str = "") -> Iterator[Row | tuple[int, BadRow]]:
    """The records of a file, whatever format it has; one that cannot be read as its line and the error.

    Args:
        path: the file.
        table: in a dump of a database the table that is wanted.

    Raises:
        UnreadableFile: it is none of the formats, or broken off.
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as raw:
            magic = raw.read(4)
        if magic == b"PAR1":
            yield from _parquet(path)
            return
        with _unpacked(path, magic) as file:
            yield from _text_rows(path.name, file, table)
    except (EOFError, gzip.BadGzipFile, zstd.ZstdError) as error:
        raise UnreadableFile(f"{path}: not whole, or not what its first bytes say ({error})") from None


def _unpacked(path: Path, magic: bytes) -> IO[str]:
    if magic[:2] == b"\x1f\x8b":
        raw = cast(Any, gzip.open(path, "rb"))  # noqa: SIM115
    elif magic == b"\x28\xb5\x2f\xfd":
        raw = cast(Any, zstd.ZstdFile(path))  # pyright: ignore[reportUnknownMemberType]
    else:
        raw = cast(Any, path.open("rb"))
    return io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline="")


def _text_rows(name: str, file: IO[str], table: str) -> Iterator[Row | tuple[int, BadRow]]:
    first = ""
    while not first.strip():
        if not (first := file.readline()):
            return
    start = first.lstrip()
    if start.startswith("["):
        yield from _array(name, first, file)
    elif start.startswith("{"):
        try:
            record = _json(first)
        except ValueError:
            yield from _document(name, first, file)
            return
        if isinstance(record.get("data"), list):
            yield from _listed(name, record["data"])
            return
        yield from _lines(name, first, file)
    elif start.startswith(("--", "COPY ", "SET ", "\\")):
        yield from _dump(name, first, file, table)
    else:
        yield from _csv(name, first, file)


def _lines(name: str, first: str, file: IO[str]) -> Iterator[Row | tuple[int, BadRow]]:
    number = 1
    line = first
    while line:
        if line.strip():
            try:
                yield _row(name, number, _json(line))
            except ValueError as error:
                yield number, BadRow(f"not JSON: {error}")
            except BadRow as error:
                yield number, error
        line = file.readline()
        number += 1


def _document(name: str, first: str, file: IO[str]) -> Iterator[Row | tuple[int, BadRow]]:
    try:
        record = _json(first + file.read())
    except ValueError as error:
        raise UnreadableFile(f"{name}: neither JSON nor JSON lines: {error}") from None
    yield from _listed(name, record["data"] if isinstance(record.get("data"), list) else [record])


def _listed(name: str, records: list[Any]) -> Iterator[Row | tuple[int, BadRow]]:
    for number, record in enumerate(records, start=1):
        try:
            yield _row(name, number, record)
        except BadRow as error:
            yield number, error


def _array(name: str, first: str, file: IO[str]) -> Iterator[Row | tuple[int, BadRow]]:
    """An array that may be larger than memory; Helicone's tool leaves a comma before its end."""
    decoder = json.JSONDecoder(parse_float=Decimal)
    held = first.lstrip()[1:]
    number = 0
    while True:
        held = held.lstrip(" \t\r\n,")
        if held.startswith("]"):
            return
        try:
            record, end = decoder.raw_decode(held)
            # A number at the end of what is held may go on.
            whole = end < len(held) or isinstance(record, dict)
        except (ValueError, RecursionError) as error:
            whole, record, end, why = False, None, 0, error
        else:
            why = None
        if not whole:
            if not (more := file.read(max(_CHUNK, len(held)))):
                raise UnreadableFile(f"{name}: the array breaks off after record {number} ({why or 'no end'})")
            held += more
            continue
        number += 1
        held = held[end:]
        try:
            yield _row(name, number, record)
        except BadRow as error:
            yield number, error


def _csv(name: str, first: str, file: IO[str]) -> Iterator[Row | tuple[int, BadRow]]:
    def lines() -> Iterator[str]:
        yield first
        yield from file

    reader = csv.reader(lines(), delimiter=";" if first.count(";") > first.count(",") else ",")
    header = [column.strip() for column in next(reader)]
    if len(header) < 3:
        raise UnreadableFile(f"{name}: not CSV with a header, JSON, JSON lines, Parquet or a dump of Postgres")
    line = reader.line_num + 1
    for values in reader:
        if values and len(values) != len(header):
            yield line, BadRow(f"{len(values)} values for {len(header)} columns")
        elif values:
            yield Row(name, line, dict(zip(header, values, strict=True)))
        line = reader.line_num + 1


def _dump(name: str, first: str, file: IO[str], table: str) -> Iterator[Row | tuple[int, BadRow]]:
    """What `pg_dump` writes: the rows of the table between COPY and \\., tabs between values."""
    number = 0
    columns: list[str] | None = None
    found = False
    line = first
    while line:
        number += 1
        if columns is not None:
            if line.rstrip("\r\n") == "\\.":
                columns = None
            elif columns:
                values = [_of_copy(value) for value in line.rstrip("\r\n").split("\t")]
                if len(values) != len(columns):
                    yield number, BadRow(f"{len(values)} values for {len(columns)} columns")
                else:
                    yield Row(name, number, dict(zip(columns, values, strict=True)))
        elif begins := _COPY.match(line):
            wanted = not table or begins[1] == table
            found = found or wanted
            columns = [column.strip().strip('"') for column in begins[2].split(",")] if wanted else []
        line = file.readline()
    if not found:
        raise UnreadableFile(
            f"{name}: no rows of {table or 'a table'} in this dump; make it with "
            f"pg_dump --data-only --table='\"{table}\"'"
        )


def _of_copy(value: str) -> str | None:
    if value == "\\N":
        return None
    if "\\" not in value:
        return value
    return re.sub(r"\\(.)", lambda escaped: _ESCAPES.get(escaped[1], escaped[1]), value)


def _parquet(path: Path) -> Iterator[Row | tuple[int, BadRow]]:
    # It has no types, and is loaded only where it is needed.
    arrow: Any = import_module("pyarrow")
    parquet: Any = import_module("pyarrow.parquet")

    try:
        with parquet.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(batch_size=1000):
                for record in cast(list[dict[str, Any]], batch.to_pylist()):
                    number += 1
                    yield Row(path.name, number, record)
    except (arrow.ArrowException, OSError) as error:
        raise UnreadableFile(f"{path}: not a whole Parquet file ({error})") from None


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _row(name: str, number: int, record: Any) -> Row:
    if not isinstance(record, dict):
        raise BadRow("not a JSON object")
    return Row(name, number, cast(dict[str, Any], record))
