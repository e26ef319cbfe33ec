"""An HTTP client that can send what no real one would, and what its tests ask of an answer."""

import http.client
import json
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from breakeven_collector.serve import Collector
from google.rpc.status_pb2 import Status

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
LIMIT = 1_000_000


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    def __init__(self, url: str) -> None:
        self.address = (url.split("/")[2].split(":")[0], int(url.rsplit(":", 1)[1]))

    def send(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection(*self.address, timeout=20)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def post(
        self, data: bytes | Iterable[bytes], headers: Mapping[str, str] = PROTOBUF, path: str = "/v1/traces"
    ) -> Answer:
        return self.send("POST", path, data, headers)

    def get(self, path: str) -> dict[str, Any]:
        answer = self.send("GET", path)
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def raw(self, data: bytes) -> socket.socket:
        connection = socket.create_connection(self.address, timeout=10)
        connection.sendall(data)
        return connection


def counters(client: Client) -> dict[str, Any]:
    """What healthz tells, but for what still moves by itself: earlier requests may be on their way into the store."""
    moving = ("journal_bytes", "journal_oldest_seconds", "shipped_segments")
    return {key: value for key, value in client.get("/healthz").items() if key not in moving}


def landed(collector: Collector, service: str) -> int:
    collector.pipeline.drain()
    (row,) = collector.pipeline.store.rows(
        "SELECT uniqExact(span_id) AS n FROM calls WHERE service = {s:String}", {"s": service}
    )
    return int(row["n"])


def status_of(answer: Answer) -> tuple[int, str]:
    if answer.headers["content-type"] == "application/x-protobuf":
        status = Status.FromString(answer.body)
        return status.code, status.message
    assert answer.headers["content-type"] == "application/json"
    document = json.loads(answer.body)
    assert document.keys() == {"code", "message"}
    return document["code"], document["message"]
