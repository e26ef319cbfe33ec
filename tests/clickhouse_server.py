"""A server on loopback that speaks ClickHouse's HTTP dialect, as far as clickhouse-connect uses it, with chDB's engine
behind it, in a process of its own: where there is no ClickHouse server, this is the other end of the wire.

    python -m tests.clickhouse_server FOLDER [PORT]
"""

import argparse
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

_HANDLES = 4
_NO_SETTINGS = {
    *("query", "database", "default_format", "query_id", "session_id", "user", "password", "role", "compress"),
    *("wait_end_of_query", "send_progress_in_http_headers", "http_headers_progress_interval_ms"),
    *("enable_http_compression", "client_protocol_version"),
}
_INSERT = re.compile(rb"\s*INSERT\s+INTO\s[^\n]*?\sFORMAT\s+(\w+)[ \t]*\r?\n", re.IGNORECASE)
_INSERT_ALONE = re.compile(rb"\s*INSERT\s+INTO\s[^\n]*?\sFORMAT\s+(\w+)\s*\Z", re.IGNORECASE)
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*\Z", re.IGNORECASE)
_CODE = re.compile(r"Code: (\d+)")


class _Engine:
    """Handles on one engine; a statement has one for itself."""

    def __init__(self, folder: Path) -> None:
        import chdb  # pyright: ignore[reportMissingTypeStubs]

        connect: Any = cast(Any, chdb).connect
        self._handles: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(_HANDLES):
            self._handles.put(connect(str(folder)))

    def run(self, sql: str, form: str, database: str, settings: Mapping[str, str], parameters: dict[str, str]) -> bytes:
        handle = self._handles.get()
        try:
            handle.query(f"USE {database or 'default'}")
            for name, value in settings.items():
                handle.query(f"SET {name} = {_quoted(value)}")
            return bytes(handle.query(sql, form, params=parameters).bytes() or b"")
        finally:
            for name in settings:
                handle.query(f"SET {name} = DEFAULT")
            self._handles.put(handle)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: _Engine

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        url = urlsplit(self.path)
        body = _body(self)
        if url.path == "/ping":
            self._answer(200, b"Ok.\n", {})
            return
        given = dict(parse_qsl(url.query, keep_blank_values=True))
        if self.headers.get("Content-Type", "").startswith("multipart/"):
            given.update(_fields(self.headers, body))
            body = b""
        settings = {k: v for k, v in given.items() if k not in _NO_SETTINGS and not k.startswith("param_")}
        parameters = {k.removeprefix("param_"): v for k, v in given.items() if k.startswith("param_")}
        statement = given.get("query", "").encode()
        whole = statement + b"\n" + body if statement and body else statement or body
        try:
            self._answer(200, *self._run(whole, given.get("database", ""), settings, parameters))
        except RuntimeError as error:
            text = str(error)
            found = _CODE.search(text)
            self._answer(500, text.encode(), {"X-ClickHouse-Exception-Code": found[1] if found else "1001"})

    def _run(
        self, whole: bytes, database: str, settings: dict[str, str], parameters: dict[str, str]
    ) -> tuple[bytes, dict[str, str]]:
        if insert := _INSERT.match(whole) or _INSERT_ALONE.match(whole):
            with tempfile.NamedTemporaryFile(dir=".") as data:
                data.write(whole[insert.end() :])
                data.flush()
                head = insert[0].decode().strip()
                head = head[: head.upper().rindex("FORMAT")]
                # The engine parses a file, not what comes behind a statement.
                sql = f"{head} FROM INFILE {_quoted(data.name)} FORMAT {insert[1].decode()}"
                self.engine.run(sql, "TabSeparated", database, settings, parameters)
            return b"", {}
        sql = whole.decode()
        named = _FORMAT.search(sql)
        form = named[1] if named else "TabSeparated"
        result = self.engine.run(sql, form, database, settings, parameters)
        return result, {"X-ClickHouse-Format": form} if result or named else {}

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"X-ClickHouse-Summary": "{}", **headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that are killed in the middle are what it is for."""


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    body = b""
    if handler.headers.get("Transfer-Encoding", "").lower() == "chunked":
        while size := int(handler.rfile.readline().split(b";")[0], 16):
            body += handler.rfile.read(size)
            handler.rfile.readline()
        handler.rfile.readline()
    else:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    if handler.headers.get("Content-Encoding") == "lz4":
        import lz4.frame  # pyright: ignore[reportMissingTypeStubs]

        body = cast(bytes, cast(Any, lz4.frame).decompress(body))
    return body


def _fields(headers: Message, body: bytes) -> dict[str, str]:
    message = BytesParser().parsebytes(f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + body)
    return {
        str(part.get_param("name", header="content-disposition")): cast(bytes, part.get_payload(decode=True)).decode()
        for part in cast("list[Message]", message.get_payload())
    }


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@contextmanager
def clickhouse_server() -> Generator[str]:
    """A server with an empty store; `host:port`. It ends with the block."""
    folder = Path(tempfile.mkdtemp(prefix="breakeven-server-"))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.clickhouse_server", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parents[1])])},
    )
    assert process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait(30)
        process.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int, nargs="?", default=0)
    arguments = parser.parse_args()
    # Here the engine keeps the schemas that clients send.
    os.chdir(arguments.folder)
    _Handler.engine = _Engine(arguments.folder / "store")
    server = _Server(("127.0.0.1", arguments.port), _Handler)
    print(f"127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _main()
