"""The HTTP front on a real socket: what it does not take is refused as OTLP says, and never redirected."""

import gzip
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from http import HTTPStatus
from typing import Any

import pytest
from breakeven_collector.compression import zstd
from breakeven_collector.errors import BadRequest
from breakeven_collector.journal import JournalError
from breakeven_collector.serve import Collector
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.collector.client import JSON, LIMIT, PROTOBUF, Client, counters, landed, status_of
from tests.spans import Call, body, request


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any) -> None:
        raise error

    return fail


# -------------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("data", "headers", "status", "code", "message"),
    [
        (b"\xff\xff", PROTOBUF, 400, 3, "the body is not an ExportTraceServiceRequest in protobuf"),
        (b"[]", JSON, 400, 3, "the body is an array; expected an object with resourceSpans"),
        (b"", JSON, 400, 3, "the body is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"x", {**JSON, "Content-Encoding": "gzip"}, 400, 3, "the gzip body ends in the middle"),
        (b"x", {**JSON, "Content-Encoding": "br"}, 415, 3, "Content-Encoding 'br': send gzip, zstd or none"),
        (bytes(LIMIT + 1), PROTOBUF, 413, 8, "the body is over 1000000 bytes; send smaller batches"),
        (
            gzip.compress(bytes(LIMIT + 1), mtime=0),
            {**PROTOBUF, "Content-Encoding": "gzip"},
            413,
            8,
            "the body is over 1000000 bytes once decompressed; send smaller batches",
        ),
        (
            zstd.compress(bytes(LIMIT + 1)),
            {**JSON, "Content-Encoding": "zstd"},
            413,
            8,
            "the body is over 1000000 bytes once decompressed; send smaller batches",
        ),
        (
            b"x",
            {**PROTOBUF, "Content-Encoding": "gzip, zstd"},
            415,
            3,
            "Content-Encoding 'gzip, zstd': send gzip, zstd or none",
        ),
    ],
)
def test_a_bad_body_is_refused_in_the_clients_encoding(
    client: Client, data: bytes, headers: Mapping[str, str], status: int, code: int, message: str
) -> None:
    before = counters(client)
    answer = client.post(data, headers)
    assert (answer.status, answer.headers["content-type"]) == (status, headers["Content-Type"])
    assert status_of(answer) == (code, message)
    assert counters(client) == {**before, "refused_requests": before["refused_requests"] + 1}


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", "", None])
def test_an_unknown_content_type_is_refused_with_what_to_send(client: Client, content_type: str | None) -> None:
    answer = client.post(body(Call()), {} if content_type is None else {"Content-Type": content_type})
    assert answer.status == 415
    assert status_of(answer)[1].endswith("send application/x-protobuf or application/json")


@pytest.mark.parametrize(("status", "code"), [(401, 16), (403, 7)])
@pytest.mark.parametrize("headers", [PROTOBUF, JSON])
@pytest.mark.parametrize("path", ["/v1/traces", "/v1/metrics"])
def test_a_stranger_is_refused_before_the_body_is_read(
    collector: Collector,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: int,
    headers: Mapping[str, str],
    path: str,
) -> None:
    monkeypatch.setattr(
        collector.pipeline.access, "ingest_project", raising(BadRequest(status, "the key is not known"))
    )
    # Of the body nothing is sent: who waits for it gives no answer.
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection = client.raw(f"POST {path} HTTP/1.1\r\nHost: x\r\n{head}Content-Length: 1000\r\n\r\n".encode())
    with connection, connection.makefile("rb") as stream:
        assert stream.readline() == f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()
    answer = client.post(b"anything", headers, path)
    assert (answer.status, answer.headers["content-type"]) == (status, headers["Content-Type"])
    assert status_of(answer) == (code, "the key is not known")


def test_headers_that_contradict_each_other_are_refused(client: Client) -> None:
    for twice, status in (
        (("Content-Type: application/json", "Content-Type: application/x-protobuf"), 415),
        (("Content-Type: application/json", "Content-Encoding: gzip", "Content-Encoding: zstd"), 415),
        (("Content-Type: application/json", "Content-Length: 3"), 400),
    ):
        head = "\r\n".join(("POST /v1/traces HTTP/1.1", "Host: localhost", *twice, "Content-Length: 2"))
        with client.raw(f"{head}\r\n\r\n{{}}".encode()) as connection:
            assert connection.recv(12) == f"HTTP/1.1 {status}".encode()


def test_refusals_are_counted_by_reason(collector: Collector, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(collector.pipeline.received.refused)
    client.post(b"\xff\xff")
    client.post(bytes(LIMIT + 1))
    client.post(bytes(LIMIT + 1), path="/v1/logs")
    client.post(b"", {"Content-Type": "text/plain"})
    monkeypatch.setattr(collector.pipeline.access, "ingest_project", raising(BadRequest(401, "no key")))
    client.post(b"")
    after = collector.pipeline.received.refused
    assert {reason: n - before[reason] for reason, n in after.items() if n != before[reason]} == {
        "malformed": 1,
        "too_large": 2,
        "unsupported": 1,
        "unauthenticated": 1,
    }
    assert collector.pipeline.received.refused_requests == sum(after.values())


def test_a_body_at_the_limit_is_taken(client: Client) -> None:
    # an unknown field of the right length fills it up
    filling = (
        b"\xa2\x06" + (lambda n: bytes([n & 127 | 128, n >> 7 & 127 | 128, n >> 14]))(LIMIT - 5) + bytes(LIMIT - 5)
    )
    assert len(filling) == LIMIT
    assert client.post(filling).status == 200
    assert client.post(filling + b"\xa2\x06\x00").status == 413


def test_a_chunked_body_over_the_limit_is_refused_however_long_it_is(client: Client) -> None:
    assert client.post(bytes(100_000) for _ in range(9)).status == 400
    answer = client.post(bytes(100_000) for _ in range(300))
    assert answer.status == 413
    assert status_of(answer) == (8, "the body is over 1000000 bytes; send smaller batches")


def test_a_body_that_says_to_be_smaller_than_it_is_harms_nobody(client: Client) -> None:
    data = body(Call())
    with client.raw(
        b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\nContent-Length: 10\r\n\r\n"
        + data
    ) as connection:
        assert connection.recv(20).startswith(b"HTTP/1.1 400")
    assert client.get("/healthz")["status"] == "ok"


def test_a_client_that_leaves_in_the_middle_is_forgotten(client: Client) -> None:
    before = counters(client)
    client.raw(
        b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1000\r\n\r\nabc"
    ).close()
    time.sleep(0.1)
    assert counters(client) == before


def test_clients_that_hang_do_not_hold_up_others(collector: Collector, client: Client, service: str) -> None:
    head = b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n"
    hanging = [client.raw(head + b"Content-Length: 1000\r\n\r\nabc") for _ in range(100)]
    hanging += [client.raw(head[: 10 + n]) for n in range(20)]
    try:
        start = time.monotonic()
        assert client.post(body(Call(), service=service)).status == 200
        assert time.monotonic() - start < 20
    finally:
        for connection in hanging:
            connection.close()
    assert landed(collector, service) == 1


@pytest.mark.parametrize(
    ("error", "retry_after"), [(JournalError("the journal in /data cannot be written: No space left on device"), "2")]
)
@pytest.mark.parametrize("headers", [PROTOBUF, JSON])
def test_what_cannot_be_written_is_to_be_sent_again(
    collector: Collector,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    headers: Mapping[str, str],
    error: JournalError,
    retry_after: str,
) -> None:
    def fail(*_: Any) -> "Future[None]":
        future: Future[None] = Future()
        future.set_exception(error)
        return future

    monkeypatch.setattr(collector.pipeline.journal, "append", fail)
    message = request(Call())
    data = message.SerializeToString()
    if headers is JSON:
        span = {"traceId": "01" * 16, "spanId": "11" * 8}
        data = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    before = counters(client)
    answer = client.post(data, headers)
    assert (answer.status, answer.headers["retry-after"]) == (503, retry_after)
    assert answer.headers["content-type"] == headers["Content-Type"]
    assert status_of(answer) == (14, str(error))
    # not counted as taken, and seen by whoever looks after the collector
    refused = before["unkept_requests"] + 1
    assert counters(client) == {**before, "unkept_requests": refused, "status": "degraded", "held_up": str(error)}
    monkeypatch.undo()
    assert client.post(message.SerializeToString(), PROTOBUF).status == 200
    well = counters(client)
    assert (well["status"], well["held_up"], well["unkept_requests"]) == ("ok", None, refused)


def test_pythons_exporter_sends_again_what_was_refused_for_now(
    collector: Collector, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = iter([True])
    real = collector.pipeline.journal.append

    def once(data: bytes, project: str) -> "Future[None]":
        future: Future[None] = Future()
        if next(refusals, False):
            future.set_exception(JournalError("full"))
            return future
        return real(data, project)

    monkeypatch.setattr(collector.pipeline.journal, "append", once)
    provider = TracerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{collector.url}/v1/traces")))
    with provider.get_tracer("t").start_as_current_span("s", attributes={"gen_ai.operation.name": "chat"}):
        pass
    assert provider.force_flush()
    provider.shutdown()
    assert next(refusals, "used") == "used"
    assert landed(collector, service) == 1


def test_a_failure_that_nobody_thought_of_is_a_status_without_its_details(
    collector: Collector, client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = " ".join(("my", "secret"))  # a line of source in the log does not have it

    def fail(*_: Any) -> None:
        raise ZeroDivisionError(secret)

    monkeypatch.setattr(collector.pipeline.journal, "append", fail)
    answer = client.post(body(Call()))
    assert answer.status == 500
    assert status_of(answer) == (13, "the collector failed; its log says why")
    deadline = time.monotonic() + 5
    while "ZeroDivisionError" not in caplog.text:
        assert time.monotonic() < deadline, "it is not logged"
        time.sleep(0.01)
    # An error's own text may quote what was sent.
    assert secret not in caplog.text


# ---------------------------------------------------------------------------------------------------------- paths


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("path", ["/v1/traces", "/v1/traces/", "/v1/metrics", "/v1/logs/"])
def test_only_post_is_allowed(client: Client, method: str, path: str) -> None:
    for headers in ({}, PROTOBUF):
        answer = client.send(method, path, headers=headers)
        assert (answer.status, answer.headers["allow"]) == (405, "POST")
        if method != "HEAD":
            assert status_of(answer) == (12, "Method Not Allowed")


@pytest.mark.parametrize(
    "path",
    [
        *("//", "/v1", "/v1/", "//v1/traces", "/v1//traces", "/v1/traces//", "/v1/traces/x", "/V1/traces"),
        *("/v1/%2e%2e/traces", "/v1/../healthz", "/api", "/api/", "/api/report/", "/healthz/", "/v1/traces;x", "/docs"),
        *(
            "/v1/profiles",
            "/v1development/profiles",
            "/v1/traces%2f%2f",
            "/%00",
            "/\\",
            "/é".encode().decode("latin-1"),
        ),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_path_is_told_and_never_redirected(client: Client, method: str, path: str) -> None:
    connection = client.raw(
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode(
            "latin-1"
        )
    )
    with connection:
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    status = int(answer.split(b" ", 2)[1])
    assert status in (400, 404), answer
    assert b"location:" not in answer.lower()
    if status == 404:
        assert json.loads(answer.split(b"\r\n\r\n", 1)[1]) == {"code": 5, "message": "Not Found"}
