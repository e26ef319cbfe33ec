"""Stands between a collector and its ClickHouse server, and is as broken as one likes."""

import http.client
import random
import threading
import time
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Mode(StrEnum):
    """What becomes of a request."""

    WELL = "well"
    REFUSING = "refusing"
    """Nobody listens."""
    FAILING = "failing"
    """A proxy answers 500 with a page of HTML."""
    HANGING = "hanging"
    """Taken, and never answered; the connection breaks when the mode changes."""
    MUTE = "mute"
    """Carried out by the server, but the answer gets lost."""
    SLOW = "slow"
    """Answered after a while."""
    MOODY = "moody"
    """Any of the above, drawn anew for each request."""


class Front:
    """A proxy on loopback. A context manager.

    Attributes:
        mode: What becomes of requests from now on.
        seen: Requests so far by the mode that met them.
    """

    def __init__(self, server: str) -> None:
        self.server = server
        self.mode = Mode.WELL
        self.seen = dict.fromkeys(Mode, 0)
        self.draw = random.Random(1)
        self._listener: _Listener | None = None
        self._port = 0

    def __enter__(self) -> "Front":
        self.become(Mode.WELL)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self._port}"

    def become(self, mode: Mode) -> None:
        """Be so from now on."""
        self.mode = mode
        if mode == Mode.REFUSING:
            self._close()
        elif self._listener is None:
            self._listener = _Listener(self, self._port)
            self._port = self._listener.server_port
            threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True).start()

    def _close(self) -> None:
        if self._listener:
            self._listener.shutdown()
            self._listener.server_close()
            self._listener.drop_all()
            self._listener = None


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, front: Front, port: int) -> None:
        self.front = front
        self.open = True
        super().__init__(("127.0.0.1", port), _Handler)

    def drop_all(self) -> None:
        self.open = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that are killed in the middle are what it is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        front = self.server.front
        body = self._body()
        mode = front.mode
        if not self.server.open:
            self.close_connection = True
            return
        front.seen[mode] += 1
        if mode == Mode.MOODY:
            mode = front.draw.choice((Mode.WELL, Mode.WELL, Mode.FAILING, Mode.MUTE, Mode.SLOW))
        if mode == Mode.FAILING:
            self._answer(500, b"<html>500 Internal Server Error, error code 1015</html>", {})
            return
        if mode == Mode.HANGING:
            while front.mode == Mode.HANGING and self.server.open:
                time.sleep(0.02)
            self.close_connection = True
            return
        if mode == Mode.SLOW:
            time.sleep(0.4)
        answer = self._forward(body)
        if mode == Mode.MUTE or answer is None:
            self.close_connection = True
            return
        self._answer(*answer)

    def _forward(self, body: bytes) -> tuple[int, bytes, dict[str, str]] | None:
        connection = http.client.HTTPConnection(self.server.front.server, timeout=60)
        try:
            kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "transfer-encoding")}
            connection.request(self.command, self.path, body, {**kept, "Content-Length": str(len(body))})
            answer = connection.getresponse()
            headers = {k: v for k, v in answer.getheaders() if k.lower().startswith("x-clickhouse")}
            return answer.status, answer.read(), headers
        except OSError:
            return None
        finally:
            connection.close()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass
