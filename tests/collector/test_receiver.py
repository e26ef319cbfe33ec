"""The HTTP front on a real socket: whatever a client sends is taken or refused as OTLP says, and never redirected."""

import gzip
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector.journal import JournalError
from breakeven_collector.report import Dimension, build_report
from breakeven_collector.serve import Collector
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.conftest import FIXTURES, quick_settings
from tests.spans import Call, body, request

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
LIMIT = 1_000_000
WIRE = sorted(
    path
    for path in (FIXTURES / "wire").glob("*.headers.json")
    if "headers" in json.loads(path.read_text(encoding="utf-8"))
)


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
    moving = ("journal_bytes", "shipped_segments")
    return {key: value for key, value in client.get("/healthz").items() if key not in moving}


@pytest.fixture(scope="module")
def collector(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    dsn = f"chdb://{engine_folder}?database=receiver"
    settings = quick_settings(dsn, tmp_path_factory.mktemp("receiver")).model_copy(update={"max_body_bytes": LIMIT})
    with Collector(settings) as collector:
        yield collector


@pytest.fixture
def client(collector: Collector) -> Client:
    return Client(collector.url)


def landed(collector: Collector, service: str) -> int:
    collector.pipeline.drain()
    (row,) = collector.pipeline.store.rows(
        "SELECT uniqExact(span_id) AS n FROM calls WHERE service = {s:String}", {"s": service}
    )
    return int(row["n"])


@pytest.fixture
def service(project: str) -> str:
    """A name of a service that no other test uses."""
    return f"service-{project}"


def status_of(answer: Answer) -> tuple[int, str]:
    if answer.headers["content-type"] == "application/x-protobuf":
        status = Status.FromString(answer.body)
        return status.code, status.message
    assert answer.headers["content-type"] == "application/json"
    document = json.loads(answer.body)
    assert document.keys() == {"code", "message"}
    return document["code"], document["message"]


# --------------------------------------------------------------------------------------------------------- taken


@pytest.mark.parametrize(
    ("path", "compressed"), [("/v1/traces", False), ("/v1/traces/", True), ("/v1/traces?x=1", False)]
)
def test_protobuf_lands(collector: Collector, client: Client, service: str, path: str, compressed: bool) -> None:
    data = body(Call(), Call(), service=service)
    headers = {**PROTOBUF, **({"Content-Encoding": "gzip"} if compressed else {})}
    answer = client.post(gzip.compress(data) if compressed else data, headers, path)
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "application/x-protobuf", b"")
    assert landed(collector, service) == 2


@pytest.mark.parametrize("content_type", ["application/json", "APPLICATION/JSON; charset=utf-8"])
def test_json_lands(collector: Collector, client: Client, service: str, content_type: str) -> None:
    document = {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": "0AF7651916CD43DD8448EB211C80319C",
                                "spanId": "b7ad6b7169203331",
                                "startTimeUnixNano": "1795176000000000000",
                                "endTimeUnixNano": 1795176001000000000,
                                "attributes": [
                                    {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
                                    {"key": "gen_ai.usage.input_tokens", "value": {"intValue": 7}},
                                    {"key": "gen_ai.usage.output_tokens", "value": {"intValue": "8"}},
                                ],
                            }
                        ]
                    }
                ],
            }
        ]
    }
    answer = client.post(json.dumps(document).encode(), {"Content-Type": content_type})
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "application/json", b"{}")
    assert landed(collector, service) == 1
    (row,) = collector.pipeline.store.rows(
        "SELECT hex(span_id) AS id, input_tokens, output_tokens, toString(ts) AS at FROM calls WHERE service = {s:String}",
        {"s": service},
    )
    assert row == {
        "id": "B7AD6B7169203331",
        "input_tokens": 7,
        "output_tokens": 8,
        "at": "2026-11-20 12:00:00.000000",
    }


def test_a_body_larger_than_what_is_read_on_the_spot_lands(collector: Collector, client: Client, service: str) -> None:
    data = body(*(Call(attributes={"note": "x" * 1000}) for _ in range(300)), service=service)
    assert len(data) > 300_000
    assert client.post(data).status == 200
    assert client.post(gzip.compress(data), {**PROTOBUF, "Content-Encoding": "gzip"}).status == 200  # again
    assert landed(collector, service) == 300


def test_a_chunked_body_without_a_length_lands(collector: Collector, client: Client, service: str) -> None:
    data = body(Call(), service=service)
    assert client.post(iter([data[:10], data[10:]])).status == 200
    assert landed(collector, service) == 1


@pytest.mark.parametrize(
    ("compression", "slash"),
    [(Compression.NoCompression, ""), (Compression.Gzip, "/"), (Compression.Deflate, "")],
)
def test_what_pythons_exporter_sends_lands(
    collector: Collector, service: str, compression: Compression, slash: str
) -> None:
    exporter = OTLPSpanExporter(f"{collector.url}/v1/traces{slash}", compression=compression)
    provider = TracerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    for _ in range(20):
        with tracer.start_as_current_span("chat gpt-4o") as span:
            span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 10})
    assert provider.force_flush()
    provider.shutdown()
    assert landed(collector, service) == 20


@pytest.mark.parametrize("headers", WIRE, ids=lambda path: path.name.removesuffix(".headers.json"))
def test_what_left_real_clients_is_taken(client: Client, headers: Path) -> None:
    sent = json.loads(headers.read_text(encoding="utf-8"))
    (path,) = (p for p in headers.parent.glob(f"{headers.name.removesuffix('.headers.json')}.*") if p != headers)
    data = path.read_bytes()
    chunks: bytes | Iterable[bytes] = iter([data]) if "transfer-encoding" in sent["headers"] else data
    ours = ("host", "connection", "content-length", "transfer-encoding")
    keep = {k: v for k, v in sent["headers"].items() if k not in ours}
    answer = client.send(sent["method"], sent["url"], chunks, keep)
    expected = b"{}" if "json" in keep["content-type"] else b""
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, keep["content-type"], expected)


@pytest.mark.parametrize("signal", ["metrics", "logs"])
@pytest.mark.parametrize("headers", [PROTOBUF, JSON])
def test_other_signals_are_answered_and_counted(client: Client, signal: str, headers: Mapping[str, str]) -> None:
    before = counters(client)
    answer = client.post(b"", headers, f"/v1/{signal}")
    assert (answer.status, answer.headers["content-type"]) == (200, headers["Content-Type"])
    after = counters(client)
    assert after["dropped_requests"][signal] == before["dropped_requests"][signal] + 1
    assert {**after, "dropped_requests": None} == {**before, "dropped_requests": None}


def test_an_empty_request_is_a_success(client: Client) -> None:
    assert (client.post(b"").status, client.post(b"{}", JSON).status) == (200, 200)


def test_spans_with_bad_ids_are_told_and_the_rest_lands(collector: Collector, client: Client, service: str) -> None:
    message = request(Call(), Call(trace_id=b"short"), Call(span_id=b""), service=service)
    answer = client.post(message.SerializeToString())
    told = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, told.rejected_spans) == (200, 2)
    assert "trace_id must have 16 bytes" in told.error_message
    assert landed(collector, service) == 1


def test_a_request_that_names_a_project_lands_in_its_own(collector: Collector, client: Client, service: str) -> None:
    spoof = b"\xc2\x3e\x0dother-project"
    assert client.post(spoof + body(Call(), service=service) + spoof).status == 200
    assert landed(collector, service) == 1
    rows = collector.pipeline.store.rows("SELECT DISTINCT project FROM calls")
    assert rows == [{"project": "default"}]


# -------------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("data", "headers", "status", "code", "message"),
    [
        (b"\xff\xff", PROTOBUF, 400, 3, "the body is not an ExportTraceServiceRequest in protobuf"),
        (b"[]", JSON, 400, 3, "the body is an array; expected an object with resourceSpans"),
        (b"", JSON, 400, 3, "the body is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"x", {**JSON, "Content-Encoding": "gzip"}, 400, 3, "the gzip body ends in the middle"),
        (b"x", {**JSON, "Content-Encoding": "br"}, 415, 3, "Content-Encoding 'br': send gzip or none"),
        (bytes(LIMIT + 1), PROTOBUF, 413, 8, "the body is over 1000000 bytes; send smaller batches"),
        (
            gzip.compress(bytes(LIMIT + 1)),
            {**PROTOBUF, "Content-Encoding": "gzip"},
            413,
            8,
            "the body is over 1000000 bytes once decompressed; send smaller batches",
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
        b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 10\r\n\r\n"
        + data
    ) as connection:
        assert connection.recv(20).startswith(b"HTTP/1.1 400")
    assert client.get("/healthz")["status"] == "ok"


def test_a_client_that_leaves_in_the_middle_is_forgotten(client: Client) -> None:
    before = counters(client)
    client.raw(
        b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1000\r\n\r\nabc"
    ).close()
    time.sleep(0.1)
    assert counters(client) == before


def test_clients_that_hang_do_not_hold_up_others(collector: Collector, client: Client, service: str) -> None:
    head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
    hanging = [client.raw(head + b"Content-Length: 1000\r\n\r\nabc") for _ in range(100)]
    hanging += [client.raw(head[: 10 + n]) for n in range(20)]
    try:
        start = time.monotonic()
        assert client.post(body(Call(), service=service)).status == 200
        assert time.monotonic() - start < 2
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
        span = {"traceId": "00" * 16, "spanId": "11" * 8}
        data = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    before = counters(client)
    answer = client.post(data, headers)
    assert (answer.status, answer.headers["retry-after"]) == (503, retry_after)
    assert answer.headers["content-type"] == headers["Content-Type"]
    assert status_of(answer) == (14, str(error))
    assert counters(client) == before  # not counted as taken


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
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("my secret")

    monkeypatch.setattr(collector.pipeline.journal, "append", fail)
    answer = client.post(body(Call()))
    assert answer.status == 500
    assert status_of(answer) == (13, "the collector failed; its log says why")
    deadline = time.monotonic() + 5
    while "my secret" not in caplog.text:
        assert time.monotonic() < deadline, "it is not logged"
        time.sleep(0.01)


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
        *("/", "//", "/v1", "/v1/", "//v1/traces", "/v1//traces", "/v1/traces//", "/v1/traces/x", "/V1/traces"),
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
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode("latin-1")
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


# ------------------------------------------------------------------------------------------------- health, the bill


def test_healthz_tells_what_came(collector: Collector, client: Client) -> None:
    collector.pipeline.drain()
    before = client.get("/healthz")
    client.post(request(Call(), Call(), Call(trace_id=b"x")).SerializeToString())
    client.post(b"\xff")
    client.post(b"", path="/v1/logs")
    collector.pipeline.drain()
    deadline = time.monotonic() + 5
    # the shipper counts a segment just after it has landed
    while client.get("/healthz")["shipped_segments"] == before["shipped_segments"] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert client.get("/healthz") == {
        "status": "ok",
        "held_up": None,
        "started": before["started"],
        "store": collector.pipeline.store.address,
        "journal_bytes": 0,
        "shipped_segments": before["shipped_segments"] + 1,
        "quarantined_requests": before["quarantined_requests"],
        "requests": before["requests"] + 1,
        "spans": before["spans"] + 2,
        "rejected_spans": before["rejected_spans"] + 1,
        "refused_requests": before["refused_requests"] + 1,
        "dropped_requests": {**before["dropped_requests"], "logs": before["dropped_requests"]["logs"] + 1},
    }
    assert datetime.fromisoformat(before["started"]) <= datetime.now(UTC)


@pytest.fixture(scope="module")
def call_of_today(collector: Collector) -> None:
    call = Call(at=datetime.now(UTC), attributes={"breakeven.tenant": "t", "user.id": "u"})
    assert Client(collector.url).post(body(call)).status == 200
    collector.pipeline.drain()


@pytest.mark.parametrize("by", list(Dimension))
@pytest.mark.usefixtures("call_of_today")
def test_the_bill_comes_over_http_by_every_dimension(collector: Collector, client: Client, by: Dimension) -> None:
    document = client.get(f"/api/report?days=7&by={by}")
    direct = json.loads(json.dumps(build_report(collector.pipeline.store, days=7, by=by)))
    assert document[by.plural]
    document["period"]["to"] = direct["period"]["to"] = None  # the present
    assert document == direct


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("by=nothing", "query.by: Input should be 'feature', 'model', 'provider', 'tenant', 'user' or 'service'"),
        ("days=0", "query.days: Input should be greater than or equal to 1"),
        ("days=3661", "query.days: Input should be less than or equal to 3660"),
        ("days=ten", "query.days: Input should be a valid integer, unable to parse string as an integer"),
    ],
)
def test_a_bad_parameter_is_told(client: Client, parameters: str, message: str) -> None:
    answer = client.send("GET", f"/api/report?{parameters}")
    assert answer.status == 422
    assert status_of(answer)[1] == message


def test_a_broken_features_file_is_told(collector: Collector, client: Client) -> None:
    config = collector.pipeline.settings.config
    config.write_text("[features.search]\nownr = 'me'\n", encoding="utf-8")
    try:
        answer = client.send("GET", "/api/report")
        assert answer.status == 500
        assert status_of(answer)[1].startswith(f"{config}: features.search: unknown key 'ownr'")
    finally:
        config.unlink()
    assert client.get("/api/report")["by"] == "feature"


def test_the_api_describes_itself(client: Client) -> None:
    assert set(client.get("/api/openapi.json")["paths"]) == {"/healthz", "/api/report"}


# --------------------------------------------------------------------------------------------------------- the end


def test_leaving_ships_what_was_taken_even_while_clients_hang(
    engine_folder: Path, tmp_path: Path, project: str
) -> None:
    settings = quick_settings(f"chdb://{engine_folder}?database=leaving_{project}", tmp_path)
    settings = settings.model_copy(update={"batch_seconds": 30.0})
    results: list[int] = []
    with Collector(settings) as collector:
        client = Client(collector.url)
        hanging = client.raw(
            b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
            b"Content-Length: 1000\r\n\r\nabc"
        )
        threads = [
            threading.Thread(target=lambda: results.append(client.post(body(Call(), Call())).status)) for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        start = time.monotonic()
    assert time.monotonic() - start < 10
    assert results == [200] * 20
    assert hanging.recv(100)[:12] in (b"", b"HTTP/1.1 503")
    hanging.close()
    assert list(settings.journal_dir.iterdir()) == []
    from breakeven_collector.store import Store

    store = Store(settings.dsn).open()
    assert store.rows("SELECT uniqExact(span_id) AS n FROM calls") == [{"n": 40}]
    store.close()
