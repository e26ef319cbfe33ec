"""The load generator, a process of its own: `python -m bench.load URL --spans 100000 --batch 512`.

It makes all requests first, prints `ready`, waits for a line, then keeps one request on its way on each of some
kept-alive connections, and prints what came of it as JSON. One thread and raw sockets: it takes little of two cores.
"""

import argparse
import heapq
import json
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import urlsplit

from bench.spans import Spans

_MISSES: Final = (429, 502, 503, 504)


@dataclass
class Sent:
    """What came of a load."""

    spans: int = 0
    """That were acknowledged (status 200)."""
    requests: int = 0
    seconds: float = 0.0
    """From the first byte sent to the last acknowledgement."""
    first_ns: int = 0
    """When the first was sent, Unix nanoseconds."""
    cpu_s: float = 0.0
    """Of this process, while it sent."""
    bytes: int = 0
    retries: int = 0
    """Requests sent again because the answer was to try later, or none came."""
    refused: int = 0
    """Spans in requests that were refused for good."""
    refusal: str = ""
    """The first refusal."""


class _Connection:
    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.request: tuple[bytes, int] = (b"", 0)
        self.sent = 0
        self.answer = b""


class _Load:
    def __init__(self, url: str, requests: Sequence[tuple[bytes, int]], connections: int) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._waiting = deque(requests)
        self._open = connections
        self._poll = select.epoll()
        self._connections: dict[int, _Connection] = {}
        self._later: list[tuple[float, int, _Connection]] = []
        self._result = Sent()

    def run(self) -> Sent:
        for _ in range(self._open):
            self._connect()
        result = self._result
        cpu, began, result.first_ns = time.process_time(), time.perf_counter(), time.time_ns()
        for connection in list(self._connections.values()):
            self._next(connection)
        while self._connections:
            timeout = None
            while self._later and (timeout := self._later[0][0] - time.perf_counter()) <= 0:
                self._send(heapq.heappop(self._later)[2])
                timeout = None
            for number, event in self._poll.poll(timeout):
                if connection := self._connections.get(number):
                    if event & select.EPOLLOUT:
                        self._send(connection)
                    if event & ~select.EPOLLOUT:
                        self._receive(connection)
        result.seconds, result.cpu_s = time.perf_counter() - began, time.process_time() - cpu
        return result

    def _connect(self) -> _Connection:
        connection = _Connection(self._address)
        self._connections[connection.socket.fileno()] = connection
        self._poll.register(connection.socket, select.EPOLLIN)
        return connection

    def _drop(self, connection: _Connection) -> None:
        self._poll.unregister(connection.socket)
        del self._connections[connection.socket.fileno()]
        connection.socket.close()

    def _next(self, connection: _Connection) -> None:
        if self._waiting:
            connection.request, connection.sent, connection.answer = self._waiting.popleft(), 0, b""
            self._send(connection)
        else:
            self._drop(connection)

    def _send(self, connection: _Connection) -> None:
        body = connection.request[0]
        try:
            connection.sent += connection.socket.send(memoryview(body)[connection.sent :])
        except BlockingIOError:
            pass
        except OSError:
            self._again(connection)
            return
        more = connection.sent < len(body)
        self._poll.modify(connection.socket, select.EPOLLIN | (select.EPOLLOUT if more else 0))

    def _receive(self, connection: _Connection) -> None:
        try:
            data = connection.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._again(connection)
            return
        connection.answer += data
        head, found, rest = connection.answer.partition(b"\r\n\r\n")
        if not found:
            return
        fields = head.lower()
        length = _number(fields, b"\r\ncontent-length:")
        if len(rest) < length or (b"\r\ntransfer-encoding: chunked" in fields and not rest.endswith(b"0\r\n\r\n")):
            return
        self._answered(connection, int(head[9:12]), fields, rest)

    def _answered(self, connection: _Connection, status: int, fields: bytes, body: bytes) -> None:
        result = self._result
        request, spans = connection.request
        if status in _MISSES:
            result.retries += 1
            connection.sent, connection.answer = 0, b""
            pause = max(_number(fields, b"\r\nretry-after:"), 0.1)
            heapq.heappush(self._later, (time.perf_counter() + pause, connection.socket.fileno(), connection))
            return
        result.requests += 1
        result.bytes += len(request)
        if 200 <= status < 300:
            result.spans += spans
        else:
            result.refused += spans
            result.refusal = result.refusal or f"{status} {body[:200]!r}"
        if b"\r\nconnection: close" in fields or (
            fields.startswith(b"http/1.0") and b"\r\nconnection: keep-alive" not in fields
        ):
            self._drop(connection)
            connection = self._connect() if self._waiting else connection
        if connection.socket.fileno() >= 0:
            self._next(connection)

    def _again(self, connection: _Connection) -> None:
        """The other side closed the connection: the same request on a new one."""
        self._drop(connection)
        self._result.retries += 1
        if self._result.retries > 1_000:
            raise ConnectionError("the server closes connections without an answer")
        fresh = self._connect()
        fresh.request = connection.request
        self._send(fresh)


def _number(fields: bytes, name: bytes) -> int:
    at = fields.find(name)
    return int(fields[at + len(name) :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def main() -> None:
    """Make the requests, wait for a line, send them, print `Sent`."""
    options = argparse.ArgumentParser()
    options.add_argument("url")
    options.add_argument("--spans", type=int, default=100_000)
    options.add_argument("--batch", type=int, default=512)
    options.add_argument("--connections", type=int, default=8)
    options.add_argument("--seed", type=int, default=time.time_ns() % (1 << 40))
    options.add_argument("--repeat", type=int, default=1, help="send the same requests so many times")
    options.add_argument("--header", action="append", default=[], help="name: value")
    given = options.parse_args()
    url: str = given.url
    parts = urlsplit(url)
    head = [
        f"POST {parts.path or '/v1/traces'} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Content-Type: application/x-protobuf",
        *given.header,
        "Content-Length: ",
    ]
    start = "\r\n".join(head).encode()
    requests = [
        (b"%b%d\r\n\r\n%b" % (start, len(body), body), spans)
        for body, spans in Spans(given.seed).requests(given.spans, given.batch)
    ]
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(asdict(_Load(url, requests * given.repeat, given.connections).run())), flush=True)


if __name__ == "__main__":
    main()
