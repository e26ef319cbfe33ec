"""The file of a backup: a tar of tables in pieces, with a manifest that knows the digest of each.

    <table>/<number>.zst    rows in ClickHouse's RowBinary, compressed
    manifest.json           schema, tables with their columns, pieces with rows and SHA-256 of the rows
    manifest.sha256         digest of the manifest: without it the file is torn

RowBinary because it is documented, holds every type exactly, and the same rows are the same bytes, which Native and
Parquet do not promise. Everything can be read without Breakeven: `zstd -d`, then `clickhouse local`.
"""

import hashlib
import io
import json
import os
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from breakeven_collector.errors import BreakevenError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_FORMAT: Final = 1
Progress = Callable[[str, int, int], None]
"""Called with what is being done, the rows done so far, and all rows."""


class BackupError(BreakevenError):
    """The backup cannot be made or used; the message says why and what to do."""


@dataclass(frozen=True)
class Piece:
    """Some rows of a table."""

    rows: int
    sha256: str
    """Of the rows in RowBinary, uncompressed; hex."""


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

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(table.rows for table in self.tables)


class Writer:
    """Writes a backup under a passing name; only a whole one gets its own.

    A context manager: leaving it with an error leaves nothing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._tar: tarfile.TarFile

    def __enter__(self) -> "Writer":
        self._file = os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: object) -> None:
        if error is None:
            self._tar.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._part.replace(self._path)
        else:
            self._file.close()
            self._part.unlink(missing_ok=True)

    def add_piece(self, table: str, number: int, rows: int, data: bytes) -> Piece:
        """Write some rows."""
        self._add(_piece_name(table, number), zstd.compress(data))
        return Piece(rows, hashlib.sha256(data).hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest: the last that is written."""
        data = json.dumps({"format": _FORMAT, **asdict(manifest)}, indent=1).encode()
        self._add("manifest.json", data)
        self._add("manifest.sha256", hashlib.sha256(data).hexdigest().encode())

    def _add(self, name: str, data: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        info.mode = 0o600
        self._tar.addfile(info, io.BytesIO(data))


class Reader:
    """Reads a backup. A context manager.

    Raises:
        BackupError: it is no backup, torn, altered, or of a newer program.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._tar = tarfile.open(path, mode="r:")  # noqa: SIM115  # closed by __exit__
        except FileNotFoundError:
            raise BackupError(f"there is no file {path}") from None
        except (tarfile.TarError, OSError) as error:
            raise BackupError(f"{path} is no backup of Breakeven ({error})") from None
        self.manifest = self._manifest()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._tar.close()

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
        """Rows of a table in RowBinary, a piece at a time; each is checked before it is handed out."""
        for number, piece in enumerate(table.pieces):
            name = _piece_name(table.name, number)
            try:
                data = zstd.decompress(self._read(name))
            except zstd.ZstdError as error:
                raise self._damaged(f"{name} cannot be decompressed: {error}") from None
            if hashlib.sha256(data).hexdigest() != piece.sha256:
                raise self._damaged(f"{name} is not what the manifest says")
            yield data, piece

    def _manifest(self) -> Manifest:
        data = self._read("manifest.json")
        if hashlib.sha256(data).hexdigest().encode() != self._read("manifest.sha256"):
            raise self._damaged("its manifest was altered")
        document: dict[str, Any] = json.loads(data)
        if document.pop("format") != _FORMAT:
            raise BackupError(f"{self._path} was written by a newer Breakeven. Update with: pip install -U breakeven")
        tables = [
            Table(table["name"], table["columns"], [Piece(**piece) for piece in table["pieces"]])
            for table in document.pop("tables")
        ]
        return Manifest(**document, tables=tables)

    def _read(self, name: str) -> bytes:
        try:
            member = self._tar.extractfile(name)
            data = member.read() if member else b""
            if member is None or len(data) != self._tar.getmember(name).size:
                raise self._damaged(f"{name} is cut off")
        except (KeyError, tarfile.TarError, OSError):
            raise self._damaged(f"{name} is missing") from None
        return data

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


def _piece_name(table: str, number: int) -> str:
    return f"{table}/{number:06d}.zst"
