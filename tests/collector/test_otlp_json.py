"""OTLP's JSON form is read as protobuf's, whoever wrote it, and a refusal never tells content."""

import base64
import gzip
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector import otlp
from breakeven_collector.errors import BadRequest
from breakeven_collector.otlp import Encoding
from breakeven_collector.otlp_json import decode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.collector.json_requests import SECRET, Writer, requests

FIXTURES = Path(__file__).parents[1] / "fixtures"
TWINS = sorted(path.stem for path in (FIXTURES / "otlp").glob("*.pb") if path.with_suffix(".json").exists())
TRACE_ID, SPAN_ID = "0123456789abcdef" * 2, "0123456789abcdef"


def kept(request: ExportTraceServiceRequest) -> ExportTraceServiceRequest:
    """What the store reads of a request: not events, links, counts of what was dropped."""
    copy = ExportTraceServiceRequest.FromString(request.SerializeToString())
    for resource_spans in copy.resource_spans:
        resource_spans.resource.dropped_attributes_count = 0
        for scope_spans in resource_spans.scope_spans:
            scope_spans.scope.dropped_attributes_count = 0
            for span in scope_spans.spans:
                for name in ("events", "links", "flags", *(f"dropped_{x}_count" for x in LISTS)):
                    span.ClearField(name)  # pyright: ignore[reportArgumentType]
    return copy


NAMES = (
    *("resourceSpans", "scopeSpans", "spans", "attributes", "key", "value", "traceId", "intValue", "kind", "resource"),
    *("scope", "status", "arrayValue", "values", "boolValue", "doubleValue", "bytesValue"),
)
LISTS = ("attributes", "events", "links")


def with_value(value: Any) -> bytes:
    return with_span({"attributes": [{"key": "k", "value": value}]})


def with_span(span: Mapping[str, Any]) -> bytes:
    return with_spans(span)


def with_spans(*spans: Mapping[str, Any]) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [dict(span) for span in spans]}]}]}).encode()


def value_of(data: bytes) -> AnyValue:
    return span_of(data).attributes[0].value


def span_of(data: bytes) -> Span:
    return decode(data).resource_spans[0].scope_spans[0].spans[0]


def refusal(data: bytes) -> str:
    with pytest.raises(BadRequest) as caught:
        otlp.read_traces(data, Encoding.JSON)
    assert caught.value.status == 400
    return str(caught.value)


def read_or_refusal(data: bytes) -> otlp.Traces | BadRequest:
    try:
        return otlp.read_traces(data, Encoding.JSON)
    except BadRequest as error:
        return error


# -------------------------------------------------------------------------------------------- what others have sent


@pytest.mark.parametrize("name", TWINS)
def test_the_same_spans_in_both_forms_are_the_same_request(name: str) -> None:
    folder = FIXTURES / "otlp"
    from_json = decode((folder / f"{name}.json").read_bytes())
    from_protobuf = ExportTraceServiceRequest.FromString((folder / f"{name}.pb").read_bytes())

    def spans(request: ExportTraceServiceRequest) -> list[tuple[bytes, bytes, bytes]]:
        # Some twins were sent span by span: compare each span with its scope and resource.
        return sorted(
            (rs.resource.SerializeToString(), ss.scope.SerializeToString(), span.SerializeToString())
            for rs in kept(request).resource_spans
            for ss in rs.scope_spans
            for span in ss.spans
        )

    assert spans(from_json) == spans(from_protobuf)
    assert spans(from_json)


@pytest.mark.parametrize("name", ["js-json-traces.json", "js-json-gzip-traces.json.gz", "spec/trace.json"])
def test_what_other_clients_send_is_read_as_protobufs_own_reader_reads_it(name: str) -> None:
    from google.protobuf import json_format

    data = (FIXTURES / "wire" / name).read_bytes()
    if name.endswith(".gz"):
        data = gzip.decompress(data)
    document = json.loads(data)
    for resource_spans in document["resourceSpans"]:
        for scope_spans in resource_spans["scopeSpans"]:
            for span in scope_spans["spans"]:
                # protobuf's reader wants base64 where OTLP writes hex
                for key in {"traceId", "spanId", "parentSpanId"} & span.keys():
                    span[key] = base64.b64encode(bytes.fromhex(span[key])).decode()
    expected = json_format.ParseDict(document, ExportTraceServiceRequest(), ignore_unknown_fields=True)
    assert decode(data) == kept(expected)
    assert expected.resource_spans


# ------------------------------------------------------------------------------------- any request, there and back


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(requests, st.data())
def test_whatever_the_specification_lets_a_client_write_is_read_back(
    message: ExportTraceServiceRequest, data: st.DataObject
) -> None:
    written = Writer(data).request(message)
    assert decode(written) == message
    assert ExportTraceServiceRequest.FromString(otlp.read_traces(written, Encoding.JSON).body) == message


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.just(SECRET),
        lambda children: (
            st.lists(children, max_size=4)
            | st.dictionaries(
                st.sampled_from(NAMES),
                children,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_any_other_json_is_read_or_refused_and_never_told(document: Any) -> None:
    data = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [document]}]}]}).encode()
    for one in (data, json.dumps(document).encode()):
        result = read_or_refusal(one)
        assert isinstance(result, otlp.Traces) or (result.status == 400 and SECRET not in str(result))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    result = read_or_refusal(data)
    assert isinstance(result, otlp.Traces) or result.status == 400


# --------------------------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize("number", [0, -1, 1 << 53, (1 << 53) + 1, (1 << 63) - 1, -(1 << 63)])
def test_integers_may_be_numbers_or_text_up_to_the_edges_of_64_bits(number: int) -> None:
    assert value_of(with_value({"intValue": number})).int_value == number
    assert value_of(with_value({"intValue": str(number)})).int_value == number


def test_times_reach_to_the_edge_of_64_bits() -> None:
    most = (1 << 64) - 1
    span = span_of(with_span({"startTimeUnixNano": str(most), "endTimeUnixNano": most}))
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (most, most)


def test_a_whole_float_is_an_integer() -> None:
    assert value_of(with_value({"intValue": 5.0})).int_value == 5


@pytest.mark.parametrize(
    "number",
    [
        *(1 << 63, -(1 << 63) - 1, 10**300, str(1 << 63), "9" * 5000),
        *(1.5, 1e300, float("nan"), float("inf")),
        *("", "1.5", " 1", "1 ", "1_0", "0x1", "+1", "١", "--1", SECRET, True, [1], {"a": 1}),
    ],
)
def test_what_is_no_64_bit_integer_is_refused(number: Any) -> None:
    message = refusal(with_value({"intValue": number}))
    assert message.startswith("resourceSpans[0].scopeSpans[0].spans[0].attributes[0].value.intValue is a")
    assert message.endswith("expected an integer in range, as a number or a string")


@pytest.mark.parametrize("time", [-1, "-1", 1 << 64, str(1 << 64), 1.5])
def test_what_is_no_time_is_refused(time: Any) -> None:
    assert refusal(with_span({"startTimeUnixNano": time})).startswith(
        "resourceSpans[0].scopeSpans[0].spans[0].startTimeUnixNano is a"
    )


@pytest.mark.parametrize(
    ("written", "read"),
    [
        *((1.5, 1.5), (3, 3.0), (-0.0, -0.0), ("1.5", 1.5), ("-2", -2.0), ("1e3", 1000.0), ("5E-324", 5e-324)),
        *(("NaN", math.nan), ("Infinity", math.inf), ("-Infinity", -math.inf), (math.nan, math.nan)),
    ],
)
def test_doubles_may_be_numbers_or_text(written: Any, read: float) -> None:
    found = value_of(with_value({"doubleValue": written})).double_value
    assert found == read or (math.isnan(found) and math.isnan(read))


@pytest.mark.parametrize("written", [10**400, "", "nan", "inf", "1_0", " 1", "1.", ".5", SECRET, True, [], {}])
def test_what_is_no_double_is_refused(written: Any) -> None:
    message = refusal(with_value({"doubleValue": written}))
    assert "attributes[0].value.doubleValue is a" in message
    assert SECRET not in message


def test_integers_of_more_digits_than_python_reads_are_refused() -> None:
    assert refusal(b'{"resourceSpans":' + b"9" * 5000 + b"}").startswith("the body is not JSON")


# ---------------------------------------------------------------------------------------------------- other values


@pytest.mark.parametrize("text", [TRACE_ID, TRACE_ID.upper(), TRACE_ID[:16] + TRACE_ID[16:].upper()])
def test_ids_are_hex_in_any_case(text: str) -> None:
    assert span_of(with_span({"traceId": text})).trace_id == bytes.fromhex(TRACE_ID)


@pytest.mark.parametrize(
    "value",
    [
        *("", "0", "xyz", "01 23", " 0123", "0x12", "é" * 32, "AAECAwQFBgcICQoLDA0ODw==", SPAN_ID * 3),
        *(None, 5, True, [TRACE_ID], {"hex": TRACE_ID}, "0" * 32, "\ud800" * 32),
    ],
)
@pytest.mark.parametrize("key", ["traceId", "spanId", "parentSpanId"])
def test_a_span_with_an_id_that_is_none_is_rejected_singly(key: str, value: Any) -> None:
    good = {"traceId": TRACE_ID, "spanId": SPAN_ID}
    bad = {**good, "name": SECRET, key: value}
    data = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [good, bad, good]}]}]}).encode()
    traces = otlp.read_traces(data, Encoding.JSON)
    if key == "parentSpanId" and value in ("", None):
        assert (traces.spans, traces.rejected) == (3, 0)
    else:
        assert (traces.spans, traces.rejected) == (2, 1)
        assert traces.body == decode(with_spans(good, good)).SerializeToString()
        assert "in JSON they are hex digits" in traces.reason
        assert SECRET not in traces.reason


@pytest.mark.parametrize("text", ["+/+/AQ==", "-_-_AQ==", "-_-_AQ"])
def test_bytes_are_base64_in_either_alphabet_padded_or_not(text: str) -> None:
    assert value_of(with_value({"bytesValue": text})).bytes_value == b"\xfb\xff\xbf\x01"


@pytest.mark.parametrize("text", ["!", "é", "A", "A A=", 5])
def test_what_is_no_base64_is_refused(text: Any) -> None:
    assert "attributes[0].value.bytesValue is a" in refusal(with_value({"bytesValue": text}))


def test_an_enum_of_the_future_is_kept_and_a_name_is_refused() -> None:
    assert span_of(with_span({"kind": 99})).kind == 99
    message = refusal(with_span({"kind": "SPAN_KIND_CLIENT"}))
    assert message.startswith("resourceSpans[0].scopeSpans[0].spans[0].kind is a string; expected an integer")


@pytest.mark.parametrize("null", ["resource", "scopeSpans", "schemaUrl"])
def test_null_is_as_good_as_absent(null: str) -> None:
    assert decode(json.dumps({"resourceSpans": [{null: None}]}).encode()) == decode(b'{"resourceSpans":[{}]}')


def test_a_null_member_of_a_value_does_not_hide_the_one_that_is_set() -> None:
    for order in (1, -1):
        members = [("stringValue", None), ("intValue", "5"), ("arrayValue", None)][::order]
        assert value_of(with_value(dict(members))) == AnyValue(int_value=5)


def test_of_a_key_that_is_there_twice_the_last_counts() -> None:
    data = with_span({"name": "first"}).replace(b'"name": "first"', b'"name": "first", "name": "last"')
    assert span_of(data).name == "last"


def test_unknown_fields_are_ignored_whatever_they_hold() -> None:
    data = with_span({"name": "n", "links": 5, "events": SECRET, "future": [[[{}]]], "trace_id": 7})
    assert span_of(data) == Span(name="n")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("[]", "the body is an array; expected an object with resourceSpans"),
        ("null", "the body is null; expected an object with resourceSpans"),
        (f'"{SECRET}"', "the body is a string; expected an object with resourceSpans"),
        ('{"resourceSpans":{}}', "resourceSpans is an object; expected an array"),
        ('{"resourceSpans":[null]}', "resourceSpans[0] is null; expected an object"),
        ('{"resourceSpans":[{"resource":[]}]}', "resourceSpans[0].resource is an array; expected an object"),
        ('{"resourceSpans":[{},{"schemaUrl":true}]}', "resourceSpans[1].schemaUrl is a boolean; expected a string"),
        (
            '{"resourceSpans":[{"resource":{"attributes":[{"value":{"boolValue":1}}]}}]}',
            "resourceSpans[0].resource.attributes[0].value.boolValue is a number; expected true or false",
        ),
    ],
)
def test_a_wrong_type_is_refused_by_its_place_and_kind(document: str, message: str) -> None:
    assert refusal(document.encode()) == message


@pytest.mark.parametrize("data", [b"", b"{", b"{'a':1}", b"\xff\xfe{}", b"\xef\xbb\xbf{}", b"{} {}", b'{"a":\x01}'])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    assert refusal(data).startswith("the body is not JSON")


@pytest.mark.parametrize("key", ["stringValue", "bytesValue"])
def test_a_lone_surrogate_is_refused(key: str) -> None:
    message = refusal(with_value({key: f"{SECRET}\ud800"}))
    assert SECRET not in message


def test_a_surrogate_pair_is_text() -> None:
    assert (
        value_of(
            b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[{"value":{"stringValue":"\\ud83d\\ude00"}}]}]}]}]}'
        ).string_value
        == "😀"
    )


@pytest.mark.parametrize(
    "wrapping", [('{"arrayValue":{"values":[', "]}}"), ('{"kvlistValue":{"values":[{"value":', "}]}}")]
)
def test_nested_values_are_read_or_refused_at_every_depth(wrapping: tuple[str, str]) -> None:
    results: list[bool] = []
    for depth in [*range(0, 60), 70, 99, 100, 101, 150, 200, 240, 245, 250, 255, 260, 300, 1000, 100_000]:
        value = wrapping[0] * depth + '{"intValue":1}' + wrapping[1] * depth
        span = f'{{"traceId":"{TRACE_ID}","spanId":"{SPAN_ID}","attributes":[{{"key":"k","value":{value}}}]}}'
        data = f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}'.encode()
        result = read_or_refusal(data)
        assert isinstance(result, otlp.Traces) or result.status == 400
        results.append(isinstance(result, otlp.Traces))
    assert results[:20] == [True] * 20
    assert results == sorted(results, reverse=True)
    assert not results[-1]
