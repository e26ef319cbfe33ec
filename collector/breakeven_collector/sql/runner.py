"""Runs queries that passed: in threads and on handles of their own, within limits, over the caller's projects."""

import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from breakeven_collector.errors import StoreError
from breakeven_collector.sql import allowed
from breakeven_collector.sql.errors import SqlError, of_engine
from breakeven_collector.sql.gate import Gate
from breakeven_collector.store import Store

T = TypeVar("T")

THREADS: Final = 2
"""Queries that run at once."""
WAITING: Final = 64
"""Queries that may wait for their turn; a dashboard asks for all its panels at once."""
MAX_SECONDS: Final = 30
"""Longest time a query may run."""
MAX_RESULT_BYTES: Final = 64 * 1024 * 1024
"""Largest answer."""

LIMITS: Final[dict[str, str]] = {
    "max_execution_time": str(MAX_SECONDS),
    "timeout_overflow_mode": "throw",
    "max_memory_usage": "1000000000",
    "max_threads": "2",
    "max_result_rows": "1000000",
    "max_result_bytes": str(MAX_RESULT_BYTES),
    "result_overflow_mode": "throw",
    "max_ast_depth": "300",
    "max_ast_elements": "40000",
    "max_expanded_ast_elements": "50000",
    "max_subquery_depth": "24",
    "max_parser_depth": "300",
    "max_parser_backtracks": "100000",
    # Nothing is written to disk, however large a sort gets.
    "max_bytes_before_external_sort": "0",
    "max_bytes_before_external_group_by": "0",
    "max_bytes_ratio_before_external_sort": "0",
    "max_bytes_ratio_before_external_group_by": "0",
    "compile_expressions": "0",
    "compile_aggregate_expressions": "0",
    "compile_sort_description": "0",
    "use_query_cache": "0",
    "log_queries": "0",
    "session_timezone": "UTC",
    # How many rows were read would tell how many rows others have.
    "output_format_write_statistics": "0",
    # A condition of the query must not be tried on rows before the filter of projects has taken those of others away:
    # an error would tell of them.
    "optimize_move_to_prewhere": "0",
    "optimize_move_to_prewhere_if_final": "0",
    "query_plan_optimize_prewhere": "0",
    "query_plan_merge_filters": "0",
}
"""Settings of every query."""

_PROJECT_FREE: Final = "0"


class Runner:
    """Runs queries over one store. Safe to use from any thread.

    Args:
        store: an open store.
        limits: settings in place of some of LIMITS.
    """

    def __init__(self, store: Store, limits: Mapping[str, str] | None = None) -> None:
        self._store = store
        self._limits = {**LIMITS, **(limits or {})}
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="breakeven-sql")
        self._local = threading.local()
        self._places = threading.BoundedSemaphore(THREADS + WAITING)
        self._lock = threading.Lock()
        self._gate: Gate | None = None
        self._tables: frozenset[str] = frozenset()

    def submit(self, work: Callable[[], T]) -> "Future[T]":
        """Do something in a thread that has a handle.

        Raises:
            SqlError: too many wait already.
        """
        if not self._places.acquire(blocking=False):
            raise SqlError(202, "too many queries are waiting; try again")
        try:
            future = self._pool.submit(work)
        except BaseException:
            self._places.release()
            raise
        future.add_done_callback(lambda _: self._places.release())
        return future

    def gate(self) -> Gate:
        """The gate of this store. Only in one of the threads."""
        with self._lock:
            if self._gate is None:
                rows = self._store.rows("SELECT name, engine FROM system.tables WHERE database = currentDatabase()")
                self._tables = frozenset(r["name"] for r in rows if not r["engine"].endswith("View"))
                self._gate = Gate(
                    self._explain,
                    database=self._store.database,
                    relations=frozenset(r["name"] for r in rows),
                )
            return self._gate

    def run(
        self,
        sql: str,
        parameters: Mapping[str, str],
        *,
        form: str,
        projects: tuple[str, ...] | None,
        max_seconds: float | None = None,
    ) -> bytes:
        """Run a query that passed the gate. Only in one of the threads.

        Args:
            sql: what the gate made of it.
            parameters: values of its `{name:Type}`, in the form of a `param_…`.
            form: name of a format.
            projects: whose rows it sees; None: all.
            max_seconds: run no longer than that, where it is less than the limit.

        Raises:
            SqlError: it failed.
        """
        own: dict[str, str] = {"readonly": "1"}
        if max_seconds is not None:
            own["max_execution_time"] = f"{min(max(max_seconds, 0.001), float(self._limits['max_execution_time'])):g}"
        answer = self._ask(f"SELECT * FROM ({sql})", parameters, filters_of(self, projects), own, form)
        if len(answer) > 2 * MAX_RESULT_BYTES:
            raise SqlError(396, "the answer is too large; aggregate, or add a LIMIT")
        return answer

    def header(
        self, sql: str, parameters: Mapping[str, str], projects: tuple[str, ...] | None
    ) -> list[tuple[str, str]]:
        """Names and types of a query's columns. Only in one of the threads."""
        text = self._ask(
            f"DESCRIBE TABLE (SELECT * FROM ({sql}))",
            parameters,
            filters_of(self, projects),
            {"readonly": "1"},
            "TSVRaw",
        ).decode()
        return [(name, kind) for name, kind, *_ in (line.split("\t") for line in text.splitlines())]

    def syntax_error(self, text: str) -> SqlError | None:
        """What the engine's parser says of a text that is no query; None: it can read it."""
        escaped = text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
        try:
            self._ask("SELECT formatQuery({text:String})", {"text": escaped}, "", {"readonly": "1"}, "Null")
        except SqlError as error:
            return error
        return None

    @property
    def database(self) -> str:
        """Name of the database."""
        return self._store.database

    @property
    def tables(self) -> frozenset[str]:
        """All tables of the database, without views."""
        return self._tables

    def close(self) -> None:
        """Wait for what runs; take nothing more."""
        self._pool.shutdown(cancel_futures=True)

    def _explain(self, sql: str, parameters: Mapping[str, str]) -> list[str]:
        # 2: the engine takes EXPLAIN in brackets for a table function, and 1 allows none.
        text = self._ask(f"SELECT * FROM (EXPLAIN AST {sql})", parameters, "", {"readonly": "2"}, "TSVRaw")
        return [line for line in text.decode().split("\n") if line]

    def _ask(self, sql: str, parameters: Mapping[str, str], filters: str, own: Mapping[str, str], form: str) -> bytes:
        clause = ", ".join(f"{name} = {value}" for name, value in own.items())
        statement = f"{sql} SETTINGS {clause} FORMAT {form}"
        values = {name: _AsSent(value) for name, value in parameters.items()}
        try:
            if self._store.embedded:
                answer: Any = self._handle(filters).raw_query(statement, parameters=values)
            else:
                settings: dict[str, Any] = {
                    **self._limits,
                    **({"additional_table_filters": filters} if filters else {}),
                }
                answer = self._store.client().raw_query(statement, parameters=values, settings=settings)
        except ClickHouseError as error:
            raise of_engine(str(error)) from None
        except (StoreError, RuntimeError, OSError):
            raise SqlError(1002, "the store does not answer", status=503) from None
        return bytes(answer or b"")

    def _handle(self, filters: str) -> Client:
        """This thread's handle, with the limits set and the filters in force."""
        client = self._store.client()
        if not getattr(self._local, "limited", False):
            for name, value in self._limits.items():
                client.command(f"SET {name} = '{value}'")
            self._local.limited, self._local.filters = True, ""
        if self._local.filters != filters:
            # Forgotten first: should setting them fail, the next query sets them again.
            self._local.filters = None
            client.command(f"SET additional_table_filters = {filters or '{}'}")
            self._local.filters = filters
        return client


class _AsSent:
    """A parameter's value that is escaped already: the client would escape text once more."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __str__(self) -> str:
        return self._value


def filters_of(runner: Runner, projects: tuple[str, ...] | None) -> str:
    """The setting additional_table_filters for a caller: a condition for every table of the database."""
    conditions: dict[str, str] = {}
    for table in sorted(runner.tables):
        if table in allowed.COMMON_TABLES or (table in allowed.OWNER_TABLES and projects is None):
            continue
        if table not in allowed.PROJECT_TABLES:
            conditions[table] = _PROJECT_FREE
        elif projects is not None:
            names = [*projects, *([""] if allowed.PROJECT_TABLES[table] and projects else [])]
            conditions[table] = f"project IN ({', '.join(map(_quoted, names))})" if names else _PROJECT_FREE
    return "{" + ", ".join(f"{_quoted(f'{runner.database}.{t}')}: {_quoted(c)}" for t, c in conditions.items()) + "}"


def _quoted(text: str) -> str:
    return "'" + re.sub(r"([\\'])", r"\\\1", text) + "'"
