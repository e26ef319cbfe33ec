"""Migrations: plain SQL files, one statement each, applied in the order of their names.

ClickHouse has no transactions over DDL, so each statement is written to be repeatable (`IF NOT EXISTS`), and a file is
recorded only after its statement went through: what was interrupted is simply done again. A file that was applied is
never edited; the sha256 of each is kept and compared. Verbs after sqlite-utils' migrations.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol

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
    """File name, for example `0003_create_calls.sql`."""
    sql: str
    """Its one statement."""

    @property
    def sha256(self) -> str:
        """Digest of the file's text, hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All migrations that this program brings, in order."""
    folder = files("breakeven_schema") / "migrations"
    return sorted(
        (Migration(f.name, f.read_text(encoding="utf-8")) for f in folder.iterdir() if f.name.endswith(".sql")),
        key=lambda m: m.name,
    )


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
    if newer := sorted(done.keys() - known.keys()):
        raise MigrationError(
            f"the store has migrations that this program does not know ({', '.join(newer)}): it was written by a newer "
            "Breakeven. Update with: pip install -U 'breakeven[collector]'"
        )
    if edited := [m.name for m in wanted if m.name in done and done[m.name] != m.sha256]:
        raise MigrationError(
            f"migration {', '.join(edited)} was changed after it was applied to this store. Put the file back as it "
            "was and make the change in a new migration"
        )
    return [m for m in wanted if m.name not in done]


def apply(client: Client, wanted: Sequence[Migration] | None = None, *, replicated: bool = False) -> list[Migration]:
    """Bring the store up to date; returns what was done.

    Args:
        client: clickhouse-connect client, on the database to migrate.
        wanted: the migrations; those of this program where left out.
        replicated: use the Replicated… engines, for a cluster whose macros {shard} and {replica} are set.

    Raises:
        MigrationError: see `pending`.
    """
    todo = pending(client, wanted)
    for migration in todo:
        client.command(replicated_sql(migration.sql) if replicated else migration.sql)
        client.insert("migrations", [[migration.name, migration.sha256]], column_names=["name", "sha256"])
    return todo


def replicated_sql(sql: str) -> str:
    """The same statement for a replicated table: the engine's name and that of its deduplication window change."""
    sql = re.sub(r"^ENGINE = (?!Replicated)(\w*MergeTree)", r"ENGINE = Replicated\1", sql, flags=re.MULTILINE)
    return re.sub(r"\bnon_(replicated_deduplication_window)", r"\1", sql)
