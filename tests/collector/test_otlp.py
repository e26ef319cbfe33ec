"""OTLP over HTTP: what is taken, what is refused, and how both are answered."""

import gzip
import json
import zlib
from typing import Any

import pytest
from breakeven_collector import otlp
from breakeven_collector.compression import inflate, zstd
from breakeven_collector.errors import BadRequest
from breakeven_collector.otlp import Encoding, Traces
from breakeven_collector.pipeline import Pipeline
from google.rpc.status_pb2 import Status
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.spans import Call, body, request

# project=other-project, received_ns=1, segment=seg, checksum, as the journal writes them
SPOOF = b"\xc2\x3e\x0dother-project\xc8\x3e\x01\xd2\x3e\x03seg\xdd\x3e1234"

SKIPPABLE = b"\x50\x2a\x4d\x18\x03\0\0\0abc"  # a frame of zstd that means nothing


def window(log: int) -> bytes:
    """The head of a zstd frame that asks for a window of so many bits."""
    return b"\x28\xb5\x2f\xfd\0" + bytes([log - 10 << 3])


def streamed(data: bytes, level: int) -> bytes:
    """As clients write it that do not know the length beforehand."""
    compressor = zstd.ZstdCompressor(level)
    return compressor.compress(data) + compressor.flush()


def refusal(function: Any, *arguments: Any) -> tuple[int, str]:
    with pytest.raises(BadRequest) as caught:
        function(*arguments)
    return caught.value.status, str(caught.value)


# ------------------------------------------------------------------------------------------------------ encodings


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("application/x-protobuf", Encoding.PROTOBUF),
        ("Application/X-Protobuf", Encoding.PROTOBUF),
        ("application/x-protobuf; charset=utf-8", Encoding.PROTOBUF),
        ("application/json", Encoding.JSON),
        ("APPLICATION/JSON", Encoding.JSON),
        ("application/json;charset=UTF-8", Encoding.JSON),
        ("  application/json ; charset=utf-8", Encoding.JSON),
    ],
)
def test_a_content_type_is_known_in_any_case_and_with_parameters(content_type: str, encoding: Encoding) -> None:
    assert Encoding.of(content_type) is encoding


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/protobuf", "application/jsonl", ";", "x" * 999]
)
def test_any_other_content_type_is_refused_with_what_to_send(content_type: str) -> None:
    status, message = refusal(Encoding.of, content_type)
    assert status == 415
    assert "send application/x-protobuf or application/json" in message
    assert len(message) < 250


# ------------------------------------------------------------------------------------------------------ inflating


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.binary(max_size=2000), min_size=1, max_size=5),
    st.integers(0, 9),
    st.sampled_from(["gzip", " GZIP "]),
    st.integers(0, 20),
)
def test_gzip_is_undone_whatever_its_members_and_padding(
    parts: list[bytes], level: int, name: str, padding: int
) -> None:
    whole = b"".join(gzip.compress(part, level) for part in parts) + bytes(padding)
    assert inflate(whole, name, 10_000) == b"".join(parts)


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=1, max_size=50), st.integers(1, 60_000), st.integers(-3, 3))
def test_large_bodies_are_undone_around_every_boundary(seed: bytes, times: int, more: int) -> None:
    data = seed * times + b"x" * (more + 3)
    assert inflate(gzip.compress(data, 1), "gzip", len(data)) == data
    assert inflate(zlib.compress(data, 9), "deflate", len(data)) == data
    assert refusal(inflate, gzip.compress(data, 1), "gzip", len(data) - 1)[0] == 413


@pytest.mark.parametrize("size", [(1 << 20) - 1, 1 << 20, (1 << 20) + 1, (1 << 14), 3 << 20])
def test_sizes_at_the_edges_of_a_piece_are_undone(size: int) -> None:
    assert inflate(gzip.compress(bytes(size)), "gzip", size) == bytes(size)
    noise = bytes(n * n % 251 for n in range(size))
    assert inflate(gzip.compress(noise, 0), "gzip", size) == noise


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=2000) | st.integers(1, 200_000).map(bytes), max_size=5), st.integers(-5, 19))
def test_zstd_is_undone_whatever_its_frames(parts: list[bytes], level: int) -> None:
    data = b"".join(parts)
    for whole in (
        zstd.compress(data, level),
        b"".join(zstd.compress(part, level) for part in [*parts, b""]),
        SKIPPABLE + zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}) + SKIPPABLE,
        streamed(data, level),
    ):
        assert inflate(whole, "ZSTD", len(data)) == data
        if data:
            assert refusal(inflate, whole, "zstd", len(data) - 1)[0] == 413
        status, message = refusal(inflate, whole[:-1], "zstd", 2_000_000)
        assert (status, message) == (400, "the zstd body ends in the middle")


@pytest.mark.parametrize(
    "data",
    [
        b"not zstd",
        zstd.compress(b"abc") + b"garbage",
        zstd.compress(b"abc", options={zstd.CompressionParameter.checksum_flag: 1})[:-1] + b"!",
        SKIPPABLE * 2000 + zstd.compress(b"abc"),
        gzip.compress(b"abc", mtime=0),
    ],
)
def test_broken_zstd_is_refused(data: bytes) -> None:
    status, message = refusal(inflate, data, "zstd", 10_000)
    assert (status, message.startswith("the body is not zstd: ")) == (400, True)


def test_a_zstd_bomb_is_stopped_while_it_is_inflated() -> None:
    import tracemalloc

    block = (1 << 1 | 131_072 << 3).to_bytes(3, "little") + b"x"  # one byte, 131,072 times
    bomb = window(17) + block * 100_000
    assert len(bomb) < 500_000
    tracemalloc.start()
    assert refusal(inflate, bomb, "zstd", 5_000_000) == (
        413,
        "the body is over 5000000 bytes once decompressed; send smaller batches",
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize(
    ("log", "limit", "taken"),
    [(23, 1_000, True), (24, 1_000, False), (26, 1 << 26, True), (27, 1 << 26, False), (41, 1 << 26, False)],
)
def test_a_zstd_window_is_no_larger_than_the_largest_body_or_8_mib(log: int, limit: int, taken: bool) -> None:
    last_block = (1 | 3 << 3).to_bytes(3, "little") + b"abc"
    if taken:
        assert inflate(window(log) + last_block, "zstd", limit) == b"abc"
    else:
        status, message = refusal(inflate, window(log) + last_block, "zstd", limit)
        assert (status, "too much memory" in message) == (400, True)


@pytest.mark.parametrize("name", ["", "identity", "Identity", " "])
def test_a_body_that_is_not_compressed_stays_as_it_is(name: str) -> None:
    assert inflate(b"abc", name, 3) == b"abc"


def test_a_bomb_is_stopped_while_it_is_inflated() -> None:
    import tracemalloc

    bomb = gzip.compress(bytes(200_000_000), 9)
    assert len(bomb) < 200_000
    tracemalloc.start()
    status, message = refusal(inflate, bomb, "gzip", 5_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (status, message) == (
        413,
        "the body is over 5000000 bytes once decompressed; send smaller batches",
    )
    assert peak < 20_000_000


def test_the_limit_counts_all_members_together() -> None:
    member = gzip.compress(b"x" * 600)
    assert inflate(member, "gzip", 1000) == b"x" * 600
    assert refusal(inflate, member * 2, "gzip", 1000)[0] == 413


def test_many_tiny_members_take_time_in_proportion_to_their_number() -> None:
    import time

    def seconds(members: int) -> float:
        data = gzip.compress(b"") * members
        start = time.process_time()
        assert inflate(data, "gzip", 1000) == b""
        return time.process_time() - start

    few, many = min(seconds(2_500) for _ in range(3)), min(seconds(40_000) for _ in range(2))
    # 16 times as many; work that grows with the square would take 256 times as long
    assert many < few * 60


@pytest.mark.parametrize("keep", [0, 1, 5, 12, 30, -1, -4, -8])
def test_a_truncated_body_is_refused(keep: int) -> None:
    data = gzip.compress(bytes(range(256)) * 10)[:keep]
    assert refusal(inflate, data, "gzip", 10_000) == (400, "the gzip body ends in the middle")


def test_a_second_member_that_is_cut_is_refused() -> None:
    data = gzip.compress(b"one")
    assert refusal(inflate, data + data[:-3], "gzip", 10_000)[0] == 400


@pytest.mark.parametrize(
    "data",
    [
        b"not gzip at all",
        gzip.compress(b"abc", mtime=0) + b"garbage",
        gzip.compress(b"abc", mtime=0) + b"\0\0garbage",
        gzip.compress(b"abc", mtime=0)[:-8] + b"12345678",  # checksum
        b"\x1f\x8b" + b"\xff" * 50,
    ],
)
def test_a_broken_body_is_refused(data: bytes) -> None:
    status, message = refusal(inflate, data, "gzip", 10_000)
    assert status == 400
    assert message.startswith("the body is not gzip") or message == "the gzip body ends in the middle"


@pytest.mark.parametrize("name", ["br", "snappy", "lz4", "gzip, gzip", "y" * 500])
def test_an_unknown_compression_is_refused_with_what_to_send(name: str) -> None:
    status, message = refusal(inflate, b"", name, 1000)
    assert status == 415
    assert message.endswith("send gzip, zstd or none")
    assert len(message) < 200


# -------------------------------------------------------------------------------------------------------- reading


def test_a_protobuf_body_passes_to_the_byte() -> None:
    one = body(Call(), Call())
    assert otlp.read_traces(one, Encoding.PROTOBUF) == Traces(body=one, spans=2)


def test_an_empty_body_is_an_empty_request() -> None:
    assert otlp.read_traces(b"", Encoding.PROTOBUF) == Traces(body=b"", spans=0)
    assert otlp.read_traces(b"{}", Encoding.JSON) == Traces(body=b"", spans=0)


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05abc", b"{}", b"\x0a\x03\x12\x01\x12", body(Call())[:-3]])
def test_what_is_not_a_request_is_refused(data: bytes) -> None:
    assert refusal(otlp.read_traces, data, Encoding.PROTOBUF) == (
        400,
        "the body is not an ExportTraceServiceRequest in protobuf",
    )


def with_bad_ids() -> ExportTraceServiceRequest:
    calls = [Call(scope=scope, trace_id=bytes([n]) * 16) for scope in ("a", "b") for n in range(1, 6)]
    mixed = request(*calls)
    for scope in mixed.resource_spans[0].scope_spans:
        scope.spans[0].trace_id = b"short"
        scope.spans[2].span_id = b""
        scope.spans[4].parent_span_id = b"123456789"
    return mixed


def hexed(message: ExportTraceServiceRequest) -> bytes:
    spans: list[dict[str, str]]
    document: dict[str, Any] = {"resourceSpans": []}
    for resource in message.resource_spans:
        scopes: list[dict[str, Any]] = []
        for scope in resource.scope_spans:
            spans = [
                {"traceId": s.trace_id.hex(), "spanId": s.span_id.hex(), "parentSpanId": s.parent_span_id.hex()}
                for s in scope.spans
            ]
            scopes.append({"scope": {"name": scope.scope.name}, "spans": spans})
        document["resourceSpans"].append({"scopeSpans": scopes})
    return json.dumps(document).encode()


@pytest.mark.parametrize("encoding", list(Encoding))
def test_spans_with_ids_of_a_wrong_length_are_left_out_singly(encoding: Encoding) -> None:
    mixed = with_bad_ids()
    data = mixed.SerializeToString() if encoding is Encoding.PROTOBUF else hexed(mixed)
    traces = otlp.read_traces(data, encoding)
    assert (traces.spans, traces.rejected) == (4, 6)
    assert traces.reason == (
        "trace_id must have 16 bytes, span_id 8, not all zero, parent_span_id 8 or none; in JSON they are hex digits"
    )
    kept = ExportTraceServiceRequest.FromString(traces.body)
    assert [
        (scope.scope.name, [span.trace_id[0] for span in scope.spans]) for scope in kept.resource_spans[0].scope_spans
    ] == [("a", [2, 4]), ("b", [2, 4])]
    if encoding is Encoding.PROTOBUF:
        for scope in mixed.resource_spans[0].scope_spans:
            for n in (4, 2, 0):
                del scope.spans[n]
        assert kept == mixed


@pytest.mark.parametrize("encoding", list(Encoding))
def test_a_request_of_bad_spans_only_keeps_nothing(encoding: Encoding) -> None:
    message = request(Call(trace_id=b"x"))
    data = message.SerializeToString() if encoding is Encoding.PROTOBUF else hexed(message)
    traces = otlp.read_traces(data, encoding)
    assert (traces.spans, traces.rejected) == (0, 1)


@pytest.mark.parametrize("where", ["before", "after", "amid"])
def test_our_own_fields_in_a_strangers_request_are_taken_off(where: str) -> None:
    one, two = body(Call()), body(Call())
    spoofed = {"before": SPOOF + one + two, "after": one + two + SPOOF, "amid": one + SPOOF + two}[where]
    assert otlp.read_traces(spoofed, Encoding.PROTOBUF) == Traces(body=one + two, spans=2)


@settings(max_examples=100, deadline=None)
@given(st.integers(2, (1 << 29) - 1).filter(lambda n: not 19000 <= n < 20000), st.integers(0, 1 << 60))
def test_no_unknown_field_of_a_request_gets_through(number: int, value: int) -> None:
    def varint(n: int) -> bytes:
        return (bytes([n & 127 | 128]) + varint(n >> 7)) if n > 127 else bytes([n])

    one = body(Call())
    assert otlp.read_traces(one + varint(number << 3) + varint(value), Encoding.PROTOBUF).body == one
    group = varint(number << 3 | 3) + varint(number << 3 | 4)
    assert otlp.read_traces(group + one, Encoding.PROTOBUF).body == one


def test_a_request_cannot_choose_its_project(pipeline: Pipeline, project: str) -> None:
    spoof = SPOOF.replace(b"\x0dother-project", bytes([len(project) + 1]) + project.encode() + b"x")
    for data in (spoof + body(Call()), body(Call()) + spoof):
        traces = otlp.read_traces(data, Encoding.PROTOBUF)
        pipeline.journal.append(traces.body, project).result(10)
    pipeline.drain()
    found = pipeline.store.rows(
        "SELECT project, uniqExact(span_id) AS calls, max(received_ns) > 1 AS timed FROM calls FINAL "
        "WHERE startsWith(project, {p:String}) GROUP BY project",
        {"p": project},
    )
    assert [(row["project"], row["calls"], bool(row["timed"])) for row in found] == [(project, 2, True)]


# ------------------------------------------------------------------------------------------------------ answering


def test_full_success_is_an_empty_response() -> None:
    assert otlp.response(Encoding.PROTOBUF) == b""
    assert otlp.response(Encoding.JSON) == b"{}"
    assert not ExportTraceServiceResponse.FromString(b"").HasField("partial_success")


def test_partial_success_tells_how_many_and_why() -> None:
    expected = ExportTraceServiceResponse(
        partial_success=ExportTracePartialSuccess(rejected_spans=3, error_message="bad ids")
    )
    assert ExportTraceServiceResponse.FromString(otlp.response(Encoding.PROTOBUF, 3, "bad ids")) == expected
    assert json.loads(otlp.response(Encoding.JSON, 3, "bad ids")) == {
        "partialSuccess": {"rejectedSpans": "3", "errorMessage": "bad ids"}
    }


@pytest.mark.parametrize(("status", "code"), [(400, 3), (404, 5), (405, 12), (413, 8), (415, 3), (503, 14), (418, 2)])
def test_an_error_is_a_status_in_both_encodings(status: int, code: int) -> None:
    message = "ünïcode “quotes” and \n lines"
    assert Status.FromString(otlp.error_body(Encoding.PROTOBUF, status, message)) == Status(code=code, message=message)
    assert json.loads(otlp.error_body(Encoding.JSON, status, message)) == {"code": code, "message": message}
