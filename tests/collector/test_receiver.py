"""The HTTP front on a real socket: what clients send is taken as OTLP says, and not lost at the end."""

import gzip
import json
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from uuid import uuid4

import pytest
from breakeven_collector.compression import zstd
from breakeven_collector.serve import Collector
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.collector.client import JSON, PROTOBUF, Client, counters, landed
from tests.conftest import FIXTURES, quick_settings
from tests.spans import Call, body, request

WIRE = sorted(
    path
    for path in (FIXTURES / "wire").glob("*.headers.json")
    if "headers" in json.loads(path.read_text(encoding="utf-8"))
)


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


def test_zstd_lands(collector: Collector, client: Client, service: str) -> None:
    for level in (1, 19):
        data = body(*(Call(attributes={"note": "x" * 1000}) for _ in range(100)), service=service)
        assert client.post(zstd.compress(data, level), {**PROTOBUF, "Content-Encoding": "zstd"}).status == 200
    assert landed(collector, service) == 200
    empty = client.post(zstd.compress(b"{}"), {**JSON, "Content-Encoding": "ZSTD"})
    assert (empty.status, empty.body) == (200, b"{}")


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


def test_spans_with_ids_that_are_no_hex_are_told_and_the_rest_lands(
    collector: Collector, client: Client, service: str
) -> None:
    good = {
        "traceId": "0AF7651916CD43DD8448EB211C80319C",
        "spanId": uuid4().hex[:16],
        "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}],
    }
    spans = [{**good, "traceId": "not-hex"}, good, {**good, "spanId": 5}]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    document = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}
    answer = client.post(json.dumps(document).encode(), JSON)
    told = json.loads(answer.body)["partialSuccess"]
    assert (answer.status, told["rejectedSpans"]) == (200, "2")
    assert told["errorMessage"].endswith("in JSON they are hex digits")
    assert landed(collector, service) == 1


def test_a_request_that_names_a_project_lands_in_its_own(collector: Collector, client: Client, service: str) -> None:
    spoof = b"\xc2\x3e\x0dother-project"
    assert client.post(spoof + body(Call(), service=service) + spoof).status == 200
    assert landed(collector, service) == 1
    rows = collector.pipeline.store.rows("SELECT DISTINCT project FROM calls")
    assert rows == [{"project": "default"}]


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
            b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n"
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
