"""OTLP over gRPC on a real socket: the same journal, limits and counters as over HTTP, and the codes of OTLP."""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from breakeven_collector.errors import BadRequest, ConfigError
from breakeven_collector.journal import JournalError
from breakeven_collector.serve import Collector
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.collector.client import LIMIT, PROTOBUF, Client, counters, landed
from tests.conftest import FIXTURES, quick_settings
from tests.spans import Call, body

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
METRICS = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
LOGS = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"

Export = Callable[..., bytes]


@pytest.fixture(scope="module")
def export(collector: Collector) -> Iterator[Export]:
    """Sends a message as it is and returns the answer as it is."""
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(collector.grpc_address, options=options) as channel:

        def send(
            message: bytes,
            method: str = TRACES,
            compression: grpc.Compression = grpc.Compression.NoCompression,
            metadata: Iterable[tuple[str, str | bytes]] = (),
        ) -> bytes:
            return cast(Any, channel).unary_unary(method)(
                message, timeout=20, compression=compression, metadata=tuple(metadata)
            )

        yield send


def refusal(export: Export, *arguments: Any, **keywords: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        export(*arguments, **keywords)
    error: Any = caught.value
    return error.code(), error.details()


def refused(before: Mapping[str, Any]) -> dict[str, Any]:
    return {**before, "refused_requests": before["refused_requests"] + 1}


# --------------------------------------------------------------------------------------------------------- taken


def test_spans_land_however_they_are_compressed(collector: Collector, export: Export, service: str) -> None:
    for compression in grpc.Compression:
        # Longer than what is read on the spot, so that it pays to compress.
        data = body(*(Call(attributes={"note": "x" * 1000}) for _ in range(100)), service=service)
        assert export(data, compression=compression) == b""
    assert landed(collector, service) == 300


def test_what_pythons_grpc_exporter_sends_lands(collector: Collector, service: str) -> None:
    for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
        exporter = OTLPSpanExporter(f"http://{collector.grpc_address}", insecure=True, compression=compression)
        provider = TracerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        tracer = provider.get_tracer("tests")
        for _ in range(20):
            with tracer.start_as_current_span("chat gpt-4o") as span:
                span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 10})
        assert provider.force_flush()
        provider.shutdown()
    assert landed(collector, service) == 40


def test_what_javascripts_grpc_exporter_sent_is_taken(export: Export, client: Client) -> None:
    before = counters(client)
    assert export((FIXTURES / "wire" / "js-grpc-traces.pb").read_bytes()) == b""
    assert counters(client) == {**before, "requests": before["requests"] + 1, "spans": before["spans"] + 5}


def test_the_same_request_over_both_is_counted_once_in_the_project_of_its_key(
    collector: Collector,
    export: Export,
    client: Client,
    service: str,
    project: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def by_header(headers: Mapping[str, str]) -> str:
        return headers["x-project"]

    monkeypatch.setattr(collector.pipeline.access, "ingest_project", by_header)
    data = body(Call(), Call(), service=service)
    export(data, metadata=[("x-project", project)])
    assert client.post(data, {**PROTOBUF, "x-project": project}).status == 200
    assert landed(collector, service) == 2
    rows = collector.pipeline.store.rows(
        "SELECT counted, sum(calls) AS calls FROM spend_slices WHERE project = {p:String} GROUP BY counted",
        {"p": project},
    )
    assert [(row["counted"], row["calls"]) for row in rows] == [("yes", 2)]


@pytest.mark.parametrize(("method", "signal"), [(METRICS, "metrics"), (LOGS, "logs")])
def test_other_signals_are_answered_and_counted(export: Export, client: Client, method: str, signal: str) -> None:
    before = counters(client)
    assert export(b"", method) == b""
    dropped = {**before["dropped_requests"], signal: before["dropped_requests"][signal] + 1}
    assert counters(client) == {**before, "dropped_requests": dropped}


def test_an_empty_request_is_a_success(export: Export) -> None:
    assert export(b"") == b""


def test_spans_with_bad_ids_are_told_and_the_rest_lands(collector: Collector, export: Export, service: str) -> None:
    data = body(Call(), Call(trace_id=b"short"), Call(span_id=bytes(8)), service=service)
    told = ExportTraceServiceResponse.FromString(export(data)).partial_success
    assert told.rejected_spans == 2
    assert told.error_message.startswith("trace_id must have 16 bytes")
    assert landed(collector, service) == 1


# -------------------------------------------------------------------------------------------------------- refused


def test_what_is_no_request_is_an_invalid_argument(export: Export, client: Client) -> None:
    before = counters(client)
    assert refusal(export, b"\xff\xff") == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "the body is not an ExportTraceServiceRequest in protobuf",
    )
    assert counters(client) == refused(before)


def test_a_message_at_the_limit_is_taken_and_one_over_it_is_not(export: Export, client: Client) -> None:
    # an unknown field of the right length fills it up
    size = LIMIT - 5
    filling = b"\xa2\x06" + bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14]) + bytes(size)
    assert export(filling) == b""
    for compression in grpc.Compression:
        before = counters(client)
        code, message = refusal(export, filling + b"\xa2\x06\x00", compression=compression)
        assert (code, "larger than max" in message) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True)
        # gRPC answers by itself, we count it in a moment
        expected = refused(before)
        while counters(client) != expected:
            time.sleep(0.01)


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_a_bomb_is_stopped_while_it_is_inflated(export: Export, compression: grpc.Compression) -> None:
    # Had it been inflated whole, the answer would name its size.
    assert refusal(export, bytes(50_000_000), compression=compression) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "Decompressed message larger than max",
    )


@pytest.mark.parametrize(
    ("status", "code"), [(401, grpc.StatusCode.UNAUTHENTICATED), (403, grpc.StatusCode.PERMISSION_DENIED)]
)
@pytest.mark.parametrize("method", [TRACES, METRICS])
def test_a_stranger_is_refused_before_the_message_is_read(
    collector: Collector,
    export: Export,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: grpc.StatusCode,
    method: str,
) -> None:
    seen: list[Mapping[str, str]] = []

    def refuse(headers: Mapping[str, str]) -> str:
        seen.append(headers)
        raise BadRequest(status, "the key is not known")

    monkeypatch.setattr(collector.pipeline.access, "ingest_project", refuse)
    before = counters(client)
    metadata = (("authorization", "Bearer my-key"), ("x-bin", b"\xff"))
    # Too large, too: had it been read, that would be the answer.
    assert refusal(export, bytes(LIMIT * 2), method, metadata=metadata)[0] in (code, grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert refusal(export, b"\xff\xff", method, metadata=metadata) == (code, "the key is not known")
    assert all(headers["authorization"] == "Bearer my-key" and "x-bin" not in headers for headers in seen)
    assert counters(client) == {**before, "refused_requests": before["refused_requests"] + 2}


def test_an_unknown_method_is_unimplemented(export: Export) -> None:
    for method in ("/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export", f"{TRACES}er", "/x"):
        assert refusal(export, b"", method)[0] is grpc.StatusCode.UNIMPLEMENTED


def failing(error: JournalError) -> Callable[..., "Future[None]"]:
    def fail(*_: Any) -> "Future[None]":
        future: Future[None] = Future()
        future.set_exception(error)
        return future

    return fail


def test_what_cannot_be_written_is_to_be_sent_again_and_when_is_told(
    collector: Collector, export: Export, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = JournalError("the journal in /data cannot be written: No space left on device")
    monkeypatch.setattr(collector.pipeline.journal, "append", failing(error))
    before = counters(client)
    with pytest.raises(grpc.RpcError) as caught:
        export(body(Call()))
    call: Any = caught.value
    assert (call.code(), call.details()) == (grpc.StatusCode.UNAVAILABLE, str(error))
    status = Status.FromString(dict(call.trailing_metadata())["grpc-status-details-bin"])
    retry = RetryInfo()
    assert (status.code, status.message, len(status.details)) == (14, str(error), 1)
    assert status.details[0].Unpack(retry)
    assert 1 <= retry.retry_delay.seconds <= 5
    unkept = before["unkept_requests"] + 1
    assert counters(client) == {**before, "unkept_requests": unkept, "status": "degraded", "held_up": str(error)}
    monkeypatch.undo()
    export(body(Call()))
    assert counters(client)["status"] == "ok"


def test_pythons_exporter_sends_again_what_was_refused_for_now(
    collector: Collector, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = collector.pipeline.journal.append
    refusals = iter([failing(JournalError("full"))])

    def once(data: bytes, project: str) -> "Future[None]":
        return next(refusals, real)(data, project)

    monkeypatch.setattr(collector.pipeline.journal, "append", once)
    exporter = OTLPSpanExporter(f"http://{collector.grpc_address}", insecure=True)
    provider = TracerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    with provider.get_tracer("t").start_as_current_span("s", attributes={"gen_ai.operation.name": "chat"}):
        pass
    assert provider.force_flush()
    provider.shutdown()
    assert next(refusals, None) is None
    assert landed(collector, service) == 1


def test_a_failure_that_nobody_thought_of_is_internal_without_its_details(
    collector: Collector, export: Export, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("my secret")

    monkeypatch.setattr(collector.pipeline.journal, "append", fail)
    assert refusal(export, body(Call())) == (grpc.StatusCode.INTERNAL, "the collector failed; its log says why")
    assert "my secret" in caplog.text


def test_a_client_that_leaves_or_speaks_something_else_harms_nobody(
    collector: Collector, client: Client, service: str, export: Export
) -> None:
    before = counters(client)
    host, port = collector.grpc_address.rsplit(":", 1)
    for data in (b"", b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bytes(range(256)) * 10):
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(data)
    hanging = grpc.insecure_channel(collector.grpc_address)
    never = threading.Event()

    def messages() -> Iterator[bytes]:
        never.wait(20)
        yield b""

    calls: list[Any] = [hanging.stream_unary(TRACES).future(messages()) for _ in range(50)]
    time.sleep(0.2)
    export(body(Call(), service=service))
    assert landed(collector, service) == 1
    for call in calls:
        call.cancel()
    never.set()
    hanging.close()
    time.sleep(0.2)
    after = counters(client)
    assert after["refused_requests"] - before["refused_requests"] <= 50  # they ended without a message
    assert (after["status"], after["requests"]) == ("ok", before["requests"] + 1)


# -------------------------------------------------------------------------------------------------- port and end


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("named", [True, False])
def test_a_port_that_is_taken_ends_the_start_only_if_it_was_named(
    engine_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, named: bool
) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    settings = quick_settings(f"chdb://{engine_folder}?database=taken", tmp_path)
    values = {name: getattr(settings, name) for name in settings.model_fields_set - {"grpc_port"}}
    chosen = type(settings).model_fields["grpc_port"]
    try:
        if named:
            collector = Collector(type(settings)(**values, grpc_port=port))
            with pytest.raises(ConfigError, match=rf"port {port} .* is taken.*--grpc-port, or BREAKEVEN_GRPC_PORT"):
                collector.__enter__()
        else:
            # As if this port were the default.
            monkeypatch.setattr(chosen, "default", port)
            monkeypatch.delenv("BREAKEVEN_GRPC_PORT", raising=False)
            type(settings).model_rebuild(force=True)
            with Collector(type(settings)(**values)) as collector:
                assert collector.grpc_address == ""
                assert Client(collector.url).get("/healthz")["status"] == "ok"
            assert f"without gRPC: port {port} on 127.0.0.1 is taken" in caplog.text
    finally:
        taken.close()
        monkeypatch.undo()
        type(settings).model_rebuild(force=True)


def test_leaving_ships_what_was_taken_and_refuses_what_comes_later(engine_folder: Path, tmp_path: Path) -> None:
    settings = quick_settings(f"chdb://{engine_folder}?database=grpc_leaving", tmp_path)
    settings = settings.model_copy(update={"batch_seconds": 30.0, "grpc_port": 0})
    with Collector(settings) as collector:
        channel = grpc.insecure_channel(collector.grpc_address)
        results: list[Any] = [channel.unary_unary(TRACES).future(body(Call(), Call()), timeout=20) for _ in range(20)]
        assert [result.result() for result in results] == [b""] * 20
        start = time.monotonic()
    assert time.monotonic() - start < 10
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(TRACES)(body(Call()), timeout=20)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE  # pyright: ignore[reportAttributeAccessIssue]
    channel.close()
    from breakeven_collector.store import Store

    store = Store(settings.dsn).open()
    assert store.rows("SELECT uniqExact(span_id) AS n FROM calls") == [{"n": 40}]
    store.close()
