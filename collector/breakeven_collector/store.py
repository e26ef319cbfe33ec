"""The store: ClickHouse, embedded (chDB) or a server, behind clickhouse-connect's one client API.

The address decides which: `chdb:///folder` or `http(s)://user:password@host:8123/database`. Nothing else differs: the
same migrations, the same SQL. A handle belongs to one thread: a client serialises its calls, and chDB leaks threads
each time one is opened, so handles are kept.
"""

import contextlib
import fcntl
import os
import re
import shutil
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import clickhouse_connect
from breakeven_schema import Migration, apply, otlp_schema, query
from breakeven_schema.migrate import MigrationError
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from breakeven_collector.errors import ConfigError, StoreError, StoreUnavailable
from breakeven_collector.folders import make_private
from breakeven_collector.insert_files import insert_file, sweep

_DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")
# Codes of ClickHouse that a later try may not meet: network, memory, too many parts or queries, no disk space, time.
_PASSING_CODES = frozenset({3, 159, 160, 164, 173, 198, 202, 209, 210, 241, 242, 243, 252, 279, 319, 999})


# Folders whose engine this process has: its own lock is no hindrance.
_opened_here: set[Path] = set()


class Store:
    """One store. Safe to use from any thread; never fork once it is open.

    Args:
        dsn: the address, see the module.
        max_query_seconds: no statement runs longer.
        replicated: create replicated tables.

    Raises:
        ConfigError: the address is not understood.
    """

    def __init__(self, dsn: str, *, max_query_seconds: int = 300, replicated: bool = False) -> None:
        self.dsn = dsn
        self._replicated = replicated
        self._settings: dict[str, Any] = {
            "max_execution_time": max_query_seconds,
            # The default since 26.3 is 1: the server would answer before the rows are written.
            "async_insert": 0,
            # Draws conclusions from a < b AND b < 5, and for each AND hashes all queries below it anew: once half of
            # a report's planning, and no statement here has such a chain.
            "optimize_and_compare_chain": 0,
        }
        self._arguments, self.database = _parse(dsn)
        self.embedded = self._arguments.get("interface") == "chdb"
        if not self.embedded:
            # A server that hangs is one that does not answer.
            self._arguments["send_receive_timeout"] = max_query_seconds + 10
        # chDB reads the file; given as text it would leave a folder __cache__ wherever the process was started. A
        # server cannot read files of ours.
        self._schema_settings = (
            {"format_schema": f"{otlp_schema()}:Request"}
            if self.embedded
            else {
                "format_schema_source": "string",
                "format_schema": otlp_schema().read_text(encoding="utf-8"),
                "format_schema_message_name": "Request",
            }
        )
        if replicated:
            self._settings["insert_quorum"] = "auto"
        self._local = threading.local()
        self._clients: list[Client] = []
        self._lock = threading.Lock()

    @property
    def folder(self) -> Path | None:
        """Folder of an embedded store."""
        return Path(self._arguments["path"]) if self.embedded else None

    @property
    def address(self) -> str:
        """The address without user and password, for people."""
        return self.dsn if self.embedded else re.sub(r"//.*@", "//", self.dsn)

    def open(self, wanted: Sequence[Migration] | None = None) -> "Store":
        """Create the database and bring its tables up to date; returns itself.

        Args:
            wanted: the migrations to apply; those of this program where left out.

        Raises:
            StoreUnavailable: nothing answers at the address.
            StoreError: another process has the embedded store open, or the store is newer than this program.
        """
        self.connect()
        with _as_store_error(self):
            try:
                apply(self.client(), wanted, replicated=self._replicated)
            except MigrationError as error:
                raise StoreError(f"{self.address}: {error}") from None
        return self

    def connect(self) -> "Store":
        """Create the database, and leave it as it is; returns itself.

        Raises:
            StoreUnavailable, StoreError: as `open`.
        """
        with self._engine_lock():
            self._connect()
        return self

    @contextlib.contextmanager
    def _engine_lock(self) -> Generator[None]:
        """Nobody else opens the embedded store meanwhile; once the engine is up, its own lock says so."""
        if not self.embedded:
            yield
            return
        path = Path(self._arguments["path"])
        make_private(path)
        taken = StoreError(
            f"{self.address} is open in another process: one process at a time may use an embedded store. "
            "Is `breakeven up` running? Then name its address, for example: breakeven report --url http://127.0.0.1:4318"
        )
        folder = os.open(path, os.O_RDONLY)
        try:
            # The engine tells it only to stderr; and of two that start at once, both would find its lock free.
            if path not in _opened_here and (not _try_lock(folder) or _is_locked(path / "status")):
                raise taken
            if path not in _opened_here:
                sweep(path)
            yield
            _opened_here.add(path)
        finally:
            os.close(folder)

    def _connect(self) -> None:
        with _as_store_error(self):
            root = clickhouse_connect.get_client(**self._arguments, settings=self._settings, **self._own_session())
            try:
                root.command(f"CREATE DATABASE IF NOT EXISTS {self.database}")
            finally:
                # The last handle of an embedded engine would close the engine with it.
                if not self.embedded:
                    root.close()
                else:
                    self._clients.append(root)

    def client(self) -> Client:
        """This thread's handle."""
        client: Client | None = getattr(self._local, "client", None)
        if client is None:
            client = clickhouse_connect.get_client(
                **self._arguments, database=self.database, settings=self._settings, **self._own_session()
            )
            self._local.client = client
            with self._lock:
                self._clients.append(client)
        return client

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run a query; a dict a row.

        Raises:
            StoreUnavailable, StoreError: see there.
        """
        with _as_store_error(self):
            result: Any = self.client().query(sql, parameters=dict(parameters or {}))
            return list(result.named_results())

    def run(
        self, sql: str, parameters: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> None:
        """Run a statement that returns nothing.

        Raises:
            StoreUnavailable, StoreError: see there.
        """
        with _as_store_error(self):
            self.client().command(sql, parameters=dict(parameters or {}), settings=dict(settings or {}))

    def insert(self, table: str, columns: Iterable[str], rows: Sequence[Sequence[Any]], *, token: str = "") -> None:
        """Insert rows; with a token, the same token again adds nothing.

        Raises:
            StoreUnavailable, StoreError: see there.
        """
        if rows:
            with _as_store_error(self):
                settings = {"insert_deduplication_token": token, "insert_deduplicate": 1} if token else {}
                self.client().insert(table, rows, column_names=list(columns), settings=settings)

    def insert_requests(self, body: bytes, *, token: str) -> None:
        """Insert OTLP requests as the journal holds them: length-delimited, with our fields appended.

        ClickHouse decodes them and the views make rows of them. The same token again adds nothing.

        Raises:
            StoreUnavailable: try again.
            StoreError: ClickHouse cannot decode them; only its `detail` quotes them.
        """
        settings: dict[str, Any] = {
            **self._schema_settings,
            "insert_deduplication_token": token,
            "insert_deduplicate": 1,
            "deduplicate_blocks_in_dependent_materialized_views": 1,
            "optimize_on_insert": 0,
            # A month a partition: calls may be as old as 2020, and a block of them is not a mistake.
            "max_partitions_per_insert_block": 1000,
        }
        with _as_store_error(self, quotes=True):
            if self.folder:
                with insert_file(self.folder, body) as file:
                    self.client().command(f"INSERT INTO otlp FROM INFILE {file} FORMAT Protobuf", settings=settings)
            else:
                self.client().raw_insert("otlp", insert_block=body, fmt="Protobuf", settings=settings)

    def id(self) -> str:
        """Tells this store from another one at the same address, such as one that was emptied and made anew."""
        return str(
            self.rows("SELECT toString(uuid) AS id FROM system.databases WHERE name = currentDatabase()")[0]["id"]
        )

    def binary_rows(self, sql: str) -> bytes:
        """The result of a query in ClickHouse's RowBinary: the same rows are the same bytes.

        Raises:
            StoreUnavailable, StoreError: see there.
        """
        return self.formatted(sql, "RowBinary")

    def formatted(self, sql: str, form: str, parameters: Mapping[str, Any] | None = None) -> bytes:
        """The result of a query in one of ClickHouse's formats.

        Raises:
            StoreUnavailable, StoreError: see there.
        """
        with _as_store_error(self):
            return self.client().raw_query(sql, parameters=dict(parameters or {}), fmt=form) or b""

    def write_file(self, sql: str, form: str, path: Path, parameters: Mapping[str, Any] | None = None) -> None:
        """Write the result of a query into a new file, in one of ClickHouse's formats, however large it is.

        Args:
            sql: the query; a SETTINGS clause may end it.
            form: name of the format.
            path: the file.
            parameters: values of `{name:Type}` in the query.

        Raises:
            StoreUnavailable, StoreError: see there.
            OSError: the file cannot be written.
        """
        with _as_store_error(self):
            if self.embedded:
                # A stream would keep the engine's one connection until the last byte was taken.
                where = str(path.absolute()).replace("\\", "\\\\").replace("'", "\\'")
                self.client().command(
                    f"INSERT INTO FUNCTION file('{where}', '{form}') {sql}", parameters=dict(parameters or {})
                )
                return
            stream: Any = self.client().raw_stream(sql, parameters=dict(parameters or {}), fmt=form)
        with path.open("wb") as file, _as_store_error(self):
            shutil.copyfileobj(stream, file, 1 << 20)

    def insert_rows(self, table: str, columns: Sequence[str], data: bytes, *, token: str) -> None:
        """Insert rows as `binary_rows` gives them. The same token again adds nothing.

        Raises:
            StoreUnavailable, StoreError: see there.
        """
        with _as_store_error(self):
            self.client().raw_insert(
                table,
                column_names=list(columns),
                insert_block=data,
                fmt="RowBinary",
                # A block would be cut where it spans more than 100 partitions; a piece spans what its rows span.
                settings={"insert_deduplication_token": token, "max_partitions_per_insert_block": 0},
            )

    def query_file(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run `queries/<name>.sql`."""
        return self.rows(query(name), parameters)

    def close(self) -> None:
        """Close all handles."""
        with self._lock:
            clients, self._clients = self._clients, []
        for client in clients:
            client.close()
        self._local = threading.local()

    def _own_session(self) -> dict[str, Any]:
        # Concurrent statements in one session are refused by a server; none of ours needs a session.
        return {} if self.embedded else {"autogenerate_session_id": False}


def _is_locked(status: Path) -> bool:
    """Whether a process holds the engine's lock; it goes with the process, however that ends."""
    try:
        file = os.open(status, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _try_lock(file)
    finally:
        os.close(file)


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _parse(dsn: str) -> tuple[dict[str, Any], str]:
    try:
        parts = urlsplit(dsn)
        port = parts.port
    except ValueError:
        # Neither the address nor Python's reason is shown: either may hold the password.
        raise ConfigError(
            "store: the address cannot be read. Write chdb:///folder or http(s)://user:password@host:8123/database, "
            "with / @ : % in a password as %2F %40 %3A %25"
        ) from None
    options = parse_qs(parts.query)
    if parts.scheme == "chdb":
        if parts.netloc or not parts.path.strip("/"):
            raise ConfigError(f"store {dsn!r}: write chdb:///folder, with three slashes and an absolute path")
        database = options.get("database", ["breakeven"])[0]
        arguments: dict[str, Any] = {"interface": "chdb", "path": unquote(parts.path)}
    elif parts.scheme in ("http", "https"):
        database = parts.path.strip("/") or "breakeven"
        arguments = {
            "interface": parts.scheme,
            "host": parts.hostname or "localhost",
            "port": port or (8443 if parts.scheme == "https" else 8123),
            "username": unquote(parts.username) if parts.username else None,
            "password": unquote(parts.password) if parts.password else "",
        }
    else:
        raise ConfigError(
            f"store {re.sub(r'//.*@', '//', dsn)!r}: write chdb:///folder for the embedded store or "
            "http(s)://user:password@host:8123/database for a ClickHouse server"
        )
    if not _DATABASE.match(database):
        raise ConfigError(f"store: {database!r} is not a database name; use letters, digits and _")
    return arguments, database


class _as_store_error:
    """Turn the client's errors into ours, told apart by whether a later try may go through."""

    def __init__(self, store: Store, *, quotes: bool = False) -> None:
        self._store = store
        self._quotes = quotes

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if error is None or isinstance(error, StoreError):
            return
        text = str(error)
        if isinstance(error, OperationalError | OSError):
            raise StoreUnavailable(f"{self._store.address} does not answer: {_first_line(text)}", text) from error
        if isinstance(error, ClickHouseError | RuntimeError):
            code: int | None = getattr(error, "code", None)
            # A server names the code of its error: an answer without one is a proxy's.
            passing = code in _PASSING_CODES if code else not self._store.embedded
            # The collector is stopping, and what it holds is shipped by the next one.
            passing = passing or "client has been closed" in text
            if self._quotes and not passing:
                # What ClickHouse cannot read it likes to quote.
                said = f"ClickHouse refuses it: code {code}, {getattr(error, 'name', None) or 'see its manual'}"
            else:
                said = _first_line(text)
            raise (StoreUnavailable if passing else StoreError)(f"{self._store.address}: {said}", text) from error


def _first_line(text: str) -> str:
    # Data stands in quotes, and in the parameters of a request's URL; names of columns and tables in backticks.
    plain = re.sub(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", "'…'", text.strip().split("\n")[0])
    return re.sub(r" with url: \S+", "", plain)[:500] or "no message"
