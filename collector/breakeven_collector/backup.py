"""Backup and restore of an embedded store: its rows, exactly, in files that fit other versions of ClickHouse too.

The same in Parquet is the export of everything, which other programs read, and which may be restored as well.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import breakeven_schema
from breakeven_schema import applied

from breakeven_collector.backup_file import BackupError, Encoding, Manifest, Piece, Progress, Reader, Table, Writer
from breakeven_collector.parquet import column_types, insert_parquet, parquet_rows
from breakeven_collector.store import Store
from breakeven_collector.version import program_version

_LEFT_OUT: Final = frozenset({"migrations", "segment_slices", "collector_health"})
"""The manifest has the migrations; which minutes a segment touched is only asked while the segment waits; how
collectors stand is told anew each minute."""
_FIRST: Final = ("price_books", "attribution_versions", "imports")
"""They name what other tables hold, and are written after it: read first, they name nothing that is missing."""
_DATA: Final = (
    *("calls", "span_links", "late_spans", "spend_slices", "price_override", "billed", "imports"),
    *("verdicts", "decisions", "revenue", "alert_deliveries"),
    *("forecasts", "alert_states", "alert_events", "alert_snoozes"),
)
"""A store with rows in any of these is not empty."""
_TIMES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("calls", "span_links", "late_spans"), "ts"),
    "spend_slices": "slice",
    "spend_cubes": "at",
}
"""Tables that are read an hour or more at a time, by this column."""
_ROWS_A_PIECE: Final = 200_000


@dataclass(frozen=True)
class _Source:
    """A table as it is read: merged, in the order of its key, so that the same content is the same bytes."""

    name: str
    columns: list[str]
    final: str
    order: str

    def select(self, where: str) -> str:
        names = ", ".join(f"`{column}`" for column in self.columns)
        return f"SELECT {names} FROM {self.name}{self.final} WHERE {where} ORDER BY {self.order}"


def write_backup(
    store: Store,
    path: Path,
    progress: Progress,
    *,
    now: datetime | None = None,
    encoding: Encoding = Encoding.ROW_BINARY,
    folder: bool = False,
) -> Manifest:
    """Write a backup of the store; nobody may change it meanwhile.

    Args:
        store: an open store.
        path: the file to write, a tar; see `file_for`.
        progress: is told how far it is.
        now: when it is made; the present where left out.
        encoding: how rows are written.
        folder: make `path` a folder of files.

    Raises:
        StoreError: the store cannot be read.
        BackupError: somebody changed it meanwhile.
        OSError: the file cannot be written. Nothing is left of it.
    """
    sources = _sources(store)
    total = sum(store.rows(f"SELECT count() AS n FROM {source.name}{source.final}")[0]["n"] for source in sources)
    done = 0
    tables: list[Table] = []
    with Writer(path, encoding, folder=folder) as writer:
        for source in sources:
            pieces: list[Piece] = []
            types = column_types(store, source.name)
            for rows, data, where in _pieces(store, source):
                parquet = None
                if encoding is Encoding.PARQUET:
                    parquet = parquet_rows(store, source.select(where), types)
                    # A server has other clients.
                    if not store.embedded and store.binary_rows(source.select(where)) != data:
                        raise BackupError(f"{source.name} changed while it was read: let nobody write, and try again")
                pieces.append(writer.add_piece(source.name, len(pieces), rows, data, parquet))
                done += rows
                progress(f"reading {source.name}", done, total)
            tables.append(Table(source.name, source.columns, pieces))
        manifest = Manifest(
            made_at=(now or datetime.now(UTC)).isoformat(),
            program=program_version(),
            migrations={name: sha for name, sha in applied(store.client()).items() if not name.startswith("views/")},
            tables=tables,
            encoding=encoding,
        )
        writer.finish(manifest)
    return manifest


def restore_backup(dsn: str, path: Path, progress: Progress, *, replace: bool = False) -> Manifest:
    """Make the embedded store at the address what it was when the backup was made.

    The rows go into a database beside it and are compared there; only then it takes the store's place.

    Args:
        dsn: address of the store, which no process may have open.
        path: the backup.
        progress: is told how far it is.
        replace: the store may hold data, which is lost.

    Raises:
        BackupError: the file cannot be used, or the store holds data. Nothing was changed.
        StoreError: the store cannot be opened.
    """
    target = Store(dsn)
    if not target.embedded:
        raise BackupError("a ClickHouse server has its own BACKUP and RESTORE; this is for the embedded store")
    with Reader(path) as backup:
        wanted = _wanted(backup.manifest)
        backup.verify(progress)
        beside = Store(f"{dsn.split('?')[0]}?database={target.database}_restoring")
        base = beside.connect()
        try:
            if not replace and (held := _held(base, target.database)):
                _drop(base, beside.database)
                raise BackupError(
                    f"{target.address} holds data ({held}). Restore into another --data-dir, or say --replace to "
                    "lose it"
                )
            _drop(base, beside.database)
            beside.open(wanted)
            _insert(beside, backup, progress)
            _compare(beside, backup, progress)
            _drop(base, f"{target.database}_replaced")
            base.run(f"CREATE DATABASE IF NOT EXISTS {target.database}")
            base.run(f"RENAME DATABASE {target.database} TO {target.database}_replaced")
            base.run(f"RENAME DATABASE {beside.database} TO {target.database}")
            # Views, and migrations that are newer than the backup.
            target.open()
            _drop(base, f"{target.database}_replaced")
        finally:
            target.close()
            beside.close()
        return backup.manifest


def _wanted(manifest: Manifest) -> list[breakeven_schema.Migration]:
    """The migrations that make the tables as the backup has them; without views, which would write rows themselves."""
    ours = {migration.name: migration for migration in breakeven_schema.migrations() if not migration.is_view}
    if newer := sorted(manifest.migrations.keys() - ours.keys()):
        raise BackupError(
            f"the backup was made by a newer Breakeven ({manifest.program}; it has {newer[-1]}). Update with: "
            "pip install -U 'breakeven[collector]'"
        )
    if other := [name for name, sha in sorted(manifest.migrations.items()) if ours[name].sha256 != sha]:
        raise BackupError(f"the backup's schema is another one: {', '.join(other)} differs from this program's")
    return [migration for name, migration in ours.items() if name in manifest.migrations]


def _held(store: Store, database: str) -> str:
    rows = store.rows(
        "SELECT name, total_rows AS n FROM system.tables WHERE database = {d:String} AND name IN {t:Array(String)} "
        "AND total_rows > 0",
        {"d": database, "t": list(_DATA)},
    )
    return ", ".join(f"{row['n']:,} rows of {row['name']}" for row in rows)


def _drop(store: Store, database: str) -> None:
    store.run(f"DROP DATABASE IF EXISTS {database} SYNC", settings={"max_table_size_to_drop": 0})


def _insert(store: Store, backup: Reader, progress: Progress) -> None:
    done = 0
    for table in backup.manifest.tables:
        for number, (data, piece) in enumerate(backup.pieces(table)):
            if backup.manifest.encoding is Encoding.PARQUET:
                insert_parquet(store, table.name, table.columns, data)
            else:
                store.insert_rows(table.name, table.columns, data, token=f"restore/{number}")
            done += piece.rows
            progress(f"restoring {table.name}", done, backup.manifest.rows)


def _compare(store: Store, backup: Reader, progress: Progress) -> None:
    """Read back what was written, and compare every byte by its digest."""
    done = 0
    sources = {source.name: source for source in _sources(store)}
    for table in backup.manifest.tables:
        source = _Source(table.name, table.columns, sources[table.name].final, sources[table.name].order)
        found = _pieces(store, source)
        for number, piece in enumerate(table.pieces):
            rows, data, _ = next(found, (0, b"", ""))
            if (rows, hashlib.sha256(data).hexdigest()) != (piece.rows, piece.sha256):
                raise BackupError(f"{table.name} came back different in piece {number}. The store was left as it was")
            done += piece.rows
            progress(f"comparing {table.name}", done, backup.manifest.rows)
        if next(found, None) is not None:
            raise BackupError(f"{table.name} came back with more rows. The store was left as it was")


def _sources(store: Store) -> list[_Source]:
    tables = store.rows(
        "SELECT name, engine, sorting_key FROM system.tables "
        "WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name"
    )
    columns: dict[str, list[str]] = {}
    for row in store.rows(
        "SELECT table, name FROM system.columns WHERE database = currentDatabase() ORDER BY table, position"
    ):
        columns.setdefault(row["table"], []).append(row["name"])
    found: list[_Source] = []
    for row in sorted(tables, key=lambda row: (row["name"] not in _FIRST, row["name"])):
        if row["name"] not in _LEFT_OUT:
            plain = row["engine"] in ("MergeTree", "ReplicatedMergeTree")
            order = "ALL" if plain else row["sorting_key"]
            found.append(_Source(row["name"], columns[row["name"]], "" if plain else " FINAL", order))
    return found


def _pieces(store: Store, source: _Source) -> Iterator[tuple[int, bytes, str]]:
    """How many rows, these in RowBinary, and the condition that finds them."""
    for where, rows in _stretches(store, source):
        if rows:
            yield rows, store.binary_rows(source.select(where)), where


def _stretches(store: Store, source: _Source) -> Iterator[tuple[str, int]]:
    time = _TIMES.get(source.name)
    if time is None:
        yield "1", store.rows(f"SELECT count() AS n FROM {source.name}{source.final}")[0]["n"]
        return
    hours = store.rows(
        f"SELECT toUnixTimestamp(toStartOfHour({time})) AS hour, count() AS n FROM {source.name}{source.final} "
        "GROUP BY hour ORDER BY hour"
    )
    start, rows = 0, 0
    for hour in hours:
        if rows and rows + hour["n"] > _ROWS_A_PIECE:
            yield f"{time} >= toDateTime({start}) AND {time} < toDateTime({hour['hour']})", rows
            start, rows = hour["hour"], 0
        rows += hour["n"]
    yield f"{time} >= toDateTime({start})", rows
