"""Migrations and views: plain SQL files, one statement each.

`migrations/` changes tables, in the order of the names. ClickHouse has no transactions over DDL, so each statement is
written to be repeatable (`IF NOT EXISTS`), and files are recorded only after their statements went through: what was
interrupted is simply done again, in the same order. A file that was applied is never edited; the sha256 of each is kept
and compared.

`views/` holds no data, so a view is edited where it stands: whenever a file of either folder is new to the store, all
views are put in place again, each in one step (CREATE OR REPLACE; MODIFY QUERY where inserts pass through it), so that
nothing that is inserted meanwhile is missed. Verbs after sqlite-utils' migrations.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Protocol

_LOG_TABLE = """
CREATE TABLE IF NOT EXISTS migrations
(
    name String COMMENT 'file name',
    sha256 String COMMENT 'digest of the file as it was applied',
    applied_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'when'
)
ENGINE = ReplacingMergeTree(applied_at)
-- Read whole.
ORDER BY name
"""

_NOW_VIEWS: Final = frozenset(
    {
        *("0007_create_otlp_spans.sql", "0008_create_calls_of_spans.sql", "0009_create_span_links_of_spans.sql"),
        *("0010_create_sequences_of_spans.sql", "0011_create_segment_slices_of_spans.sql"),
        *("0014_create_spend_cubes_of_slices.sql", "0020_create_models_seen_of_spans.sql", "0021_create_rates.sql"),
        *("0022_create_override_rates.sql", "0023_create_spend.sql"),
    }
)
"""Early stores recorded views as migrations; they are files of `views/` since."""

_FLOWING_VIEW: Final = re.compile(r"CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+) TO \w+ AS\s+")


class Client(Protocol):
    """What of clickhouse-connect's client is used here."""

    def command(self, cmd: str, *, settings: dict[str, Any] | None = None) -> Any:
        """Run a statement."""
        ...

    def query(self, query: str) -> Any:
        """Run a query; the result has `result_rows`."""
        ...

    def insert(self, table: str, data: Sequence[Sequence[Any]], column_names: Sequence[str]) -> Any:
        """Insert rows."""
        ...


class MigrationError(Exception):
    """The store and this program's migrations do not fit together; the message says what to do."""


@dataclass(frozen=True)
class Migration:
    """One file."""

    name: str
    """File name, for example `0003_create_calls.sql`, or `views/10_spend.sql`."""
    sql: str
    """Its one statement."""

    @property
    def sha256(self) -> str:
        """Digest of the file's text, hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def is_view(self) -> bool:
        """Whether it may be put in place again at any time."""
        return self.name.startswith("views/")


def migrations() -> list[Migration]:
    """All files that this program brings, in order: first the changes of tables, then the views."""
    return [*_read("migrations", ""), *_read("views", "views/")]


def _read(folder: str, prefix: str) -> list[Migration]:
    found = (f for f in (files("breakeven_schema") / folder).iterdir() if f.name.endswith(".sql"))
    return sorted((Migration(prefix + f.name, f.read_text(encoding="utf-8")) for f in found), key=lambda m: m.name)


def applied(client: Client) -> dict[str, str]:
    """Name → sha256 of what the store has. Does not write, unless the log itself is missing."""
    client.command(_LOG_TABLE)
    return dict(client.query("SELECT name, sha256 FROM migrations FINAL").result_rows)


def pending(client: Client, wanted: Sequence[Migration] | None = None) -> list[Migration]:
    """What `apply` would do.

    Raises:
        MigrationError: a file was edited after it was applied, or the store is newer than this program.
    """
    wanted = migrations() if wanted is None else wanted
    done = applied(client)
    known = {m.name: m for m in wanted}
    if newer := sorted(done.keys() - known.keys() - _NOW_VIEWS):
        raise MigrationError(
            f"the store has migrations that this program does not know ({', '.join(newer)}): it was written by a newer "
            "Breakeven. Update with: pip install -U 'breakeven[collector]'"
        )
    changed = [m for m in wanted if done.get(m.name) != m.sha256]
    if edited := [m.name for m in changed if m.name in done and not m.is_view]:
        raise MigrationError(
            f"migration {', '.join(edited)} was changed after it was applied to this store. Put the file back as it "
            "was and make the change in a new migration"
        )
    # A view knows the columns of what it reads from when it was made: none is left behind.
    return [m for m in wanted if m in changed or m.is_view] if changed else []


def apply(client: Client, wanted: Sequence[Migration] | None = None, *, replicated: bool = False) -> list[Migration]:
    """Bring the store up to date; returns what was done.

    Args:
        client: clickhouse-connect client, on the database to migrate.
        wanted: the migrations; those of this program where left out.
        replicated: use the Replicated… engines, for a cluster whose macros {shard} and {replica} are set.

    Raises:
        MigrationError: see `pending`.
    """
    if replicated:
        # What was done to a replicated table was done to all its replicas: each has to know it.
        client.command(replicated_sql(_LOG_TABLE))
    todo = pending(client, wanted)
    if not todo:
        return []
    there = {
        name
        for (name,) in client.query("SELECT name FROM system.tables WHERE database = currentDatabase()").result_rows
    }
    done: list[Migration] = []
    try:
        for migration in todo:
            sql = replicated_sql(migration.sql) if replicated else migration.sql
            client.command(_in_place(sql) if migration.is_view and _view_name(sql) in there else sql)
            done.append(migration)
    finally:
        # At once: an insert costs more than most of the statements. After a kill all of them are done again, in order.
        if done:
            client.insert("migrations", [[one.name, one.sha256] for one in done], column_names=["name", "sha256"])
    return todo


def _view_name(sql: str) -> str:
    flowing = _FLOWING_VIEW.search(sql)
    return flowing[1] if flowing else ""


def _in_place(sql: str) -> str:
    """The statement that gives an existing materialized view its query without taking the view away."""
    return _FLOWING_VIEW.sub(r"ALTER TABLE \1 MODIFY QUERY ", sql, count=1)


def replicated_sql(sql: str) -> str:
    """The same statement for a replicated table: the engine's name and that of its deduplication window change."""
    sql = re.sub(r"^ENGINE = (?!Replicated)(\w*MergeTree)", r"ENGINE = Replicated\1", sql, flags=re.MULTILINE)
    return re.sub(r"\bnon_(replicated_deduplication_window)", r"\1", sql)
