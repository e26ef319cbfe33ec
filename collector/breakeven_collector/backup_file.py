"""The files of a backup: tables in pieces, with a manifest that knows the digest of each.

    <table>/<number>.zst        rows in ClickHouse's RowBinary, compressed
    <table>/<number>.parquet    or rows in Parquet
    manifest.json               schema, tables with their columns, pieces with rows and SHA-256 of the rows
    manifest.sha256             digest of the manifest: without it the backup is torn

RowBinary because it is documented, holds every type exactly, and the same rows are the same bytes, which Native and
Parquet do not promise: so the rows have their digest in RowBinary, however they are written, and what is restored from
Parquet is compared by it too. Everything can be read without Breakeven: `zstd -d`, then `clickhouse local`.
"""

import hashlib
import json
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from breakeven_collector.backup_archive import FolderIn, FolderOut, Incoming, Outgoing, TarIn, TarOut
from breakeven_collector.errors import BreakevenError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_FORMAT: Final = 2
_READABLE: Final = (1, 2)
"""1 had RowBinary alone."""
Progress = Callable[[str, int, int], None]
"""Called with what is being done, the rows done so far, and all rows."""


class Encoding(StrEnum):
    """How the rows of a piece are written."""

    ROW_BINARY = "rowbinary"
    """Compressed with zstd."""
    PARQUET = "parquet"
    """For other programs: ids of traces and spans, which are bytes in the store, are hex here."""


class BackupError(BreakevenError):
    """The backup cannot be made or used; the message says why and what to do."""


@dataclass(frozen=True)
class Piece:
    """Some rows of a table."""

    rows: int
    sha256: str
    """Of the rows in RowBinary, uncompressed; hex."""
    file_sha256: str = ""
    """Of the file, where that is Parquet; hex."""


@dataclass(frozen=True)
class Table:
    """A table as it was backed up."""

    name: str
    columns: list[str]
    pieces: list[Piece]

    @property
    def rows(self) -> int:
        """All its rows."""
        return sum(piece.rows for piece in self.pieces)


@dataclass(frozen=True)
class Manifest:
    """What is in a backup."""

    made_at: str
    """ISO 8601, UTC."""
    program: str
    """Version of Breakeven that made it."""
    migrations: dict[str, str]
    """File name → SHA-256 of each migration that its store had; views are not data."""
    tables: list[Table]
    encoding: Encoding = Encoding.ROW_BINARY

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(table.rows for table in self.tables)


class Writer:
    """Writes a backup under a passing name; only a whole one gets its own.

    A context manager: leaving it with an error leaves nothing.

    Args:
        path: the file, a tar; or the folder.
        encoding: how the rows are written.
        folder: write a folder of files.
    """

    def __init__(self, path: Path, encoding: Encoding = Encoding.ROW_BINARY, *, folder: bool = False) -> None:
        self._path = path
        self._encoding = encoding
        self._folder = folder
        self._files: Outgoing

    def __enter__(self) -> "Writer":
        self._files = FolderOut(self._path) if self._folder else TarOut(self._path)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: object) -> None:
        if error is None:
            self._files.keep()
        else:
            self._files.drop()

    def add_piece(self, table: str, number: int, rows: int, data: bytes, parquet: bytes | None = None) -> Piece:
        """Write some rows: `data` is RowBinary, `parquet` the same rows where they are written so."""
        name = _piece_name(table, number, self._encoding)
        digest = hashlib.sha256(data).hexdigest()
        if parquet is None:
            self._files.add(name, zstd.compress(data))
            return Piece(rows, digest)
        self._files.add(name, parquet)
        return Piece(rows, digest, hashlib.sha256(parquet).hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest: the last that is written."""
        data = json.dumps({"format": _FORMAT, **asdict(manifest)}, indent=1).encode()
        self._files.add("manifest.json", data)
        self._files.add("manifest.sha256", hashlib.sha256(data).hexdigest().encode())


class Reader:
    """Reads a backup. A context manager.

    Raises:
        BackupError: it is no backup, torn, altered, or of a newer program.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.exists():
            raise BackupError(f"there is no file {path}")
        try:
            self._files: Incoming = FolderIn(path) if path.is_dir() else TarIn(path)
        except (tarfile.TarError, OSError) as error:
            raise BackupError(f"{path} is no backup of Breakeven ({error})") from None
        if path.is_dir() and not (path / "manifest.json").exists():
            raise BackupError(f"{path} is no folder that `breakeven export all` wrote: it has no manifest.json")
        self.manifest = self._manifest()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def verify(self, progress: Progress) -> None:
        """Read all of it, and compare with the manifest.

        Raises:
            BackupError: a piece is missing or altered.
        """
        done = 0
        for table in self.manifest.tables:
            for _, piece in self.pieces(table):
                done += piece.rows
                progress(f"checking {table.name}", done, self.manifest.rows)

    def pieces(self, table: Table) -> Iterator[tuple[bytes, Piece]]:
        """Rows of a table as they are encoded, a piece at a time; each is checked before it is handed out."""
        for number, piece in enumerate(table.pieces):
            name = _piece_name(table.name, number, self.manifest.encoding)
            data, wanted = self._read(name), piece.file_sha256
            if self.manifest.encoding is Encoding.ROW_BINARY:
                try:
                    data, wanted = zstd.decompress(data), piece.sha256
                except zstd.ZstdError as error:
                    raise self._damaged(f"{name} cannot be decompressed: {error}") from None
            if hashlib.sha256(data).hexdigest() != wanted:
                raise self._damaged(f"{name} is not what the manifest says")
            yield data, piece

    def _manifest(self) -> Manifest:
        data = self._read("manifest.json")
        if hashlib.sha256(data).hexdigest().encode() != self._read("manifest.sha256"):
            raise self._damaged("its manifest was altered")
        document: dict[str, Any] = json.loads(data)
        if document.pop("format") not in _READABLE:
            raise BackupError(f"{self._path} was written by a newer Breakeven. Update with: pip install -U breakeven")
        tables = [
            Table(table["name"], table["columns"], [Piece(**piece) for piece in table["pieces"]])
            for table in document.pop("tables")
        ]
        encoding = Encoding(document.pop("encoding", Encoding.ROW_BINARY))
        return Manifest(**document, tables=tables, encoding=encoding)

    def _read(self, name: str) -> bytes:
        try:
            return self._files.read(name)
        except KeyError:
            raise self._damaged(f"{name} is missing") from None
        except OSError as error:
            raise self._damaged(f"{name} is cut off or cannot be read: {error}") from None

    def _damaged(self, what: str) -> BackupError:
        return BackupError(f"{self._path} is torn or altered: {what}. Nothing was changed; take another backup file")


def file_for(target: Path, now: datetime) -> Path:
    """The file to write: the target, or one named after the time if that is a folder.

    Raises:
        BackupError: the file is there already.
    """
    path = target / f"breakeven-{now:%Y-%m-%dT%H%M%SZ}.backup" if target.is_dir() else target
    if path.exists():
        raise BackupError(f"{path} is there already; name another file")
    if not path.absolute().parent.is_dir():
        raise BackupError(f"there is no folder {path.absolute().parent}")
    return path


def folder_for(target: Path) -> Path:
    """The new folder, or tar, to write everything into.

    Raises:
        BackupError: it is there already.
    """
    if target.exists():
        raise BackupError(f"{target} is there already; name a new folder, or a file that ends in .tar")
    if not target.absolute().parent.is_dir():
        raise BackupError(f"there is no folder {target.absolute().parent}")
    return target


def _piece_name(table: str, number: int, encoding: Encoding) -> str:
    return f"{table}/{number:06d}.{'zst' if encoding is Encoding.ROW_BINARY else 'parquet'}"
