"""OTLP's JSON form: JSON text to the protobuf message.

Not `google.protobuf.json_format`: OTLP departs from protobuf's mapping (ids are hex, not base64; enums are integers;
unknown fields are ignored), and it takes 300 µs a span.
"""

import base64
import binascii
import json
import math
import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

from google.protobuf.message import DecodeError, EncodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from breakeven_collector.errors import BadRequest

T = TypeVar("T")
Json = Any
_NO_ID = b"?"
_UINT64 = 1 << 64
_INT64 = 1 << 63
_DIGITS = re.compile(r"-?[0-9]{1,20}")
_DECIMAL = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][-+]?[0-9]{1,4})?")


def decode(body: bytes) -> ExportTraceServiceRequest:
    """Read an ExportTraceServiceRequest from JSON.

    Raises:
        BadRequest: 400, naming the field whose value does not fit.
    """
    try:
        # A lone surrogate is legal JSON but not text: protobuf would refuse it.
        document = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadRequest(400, f"the body is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise BadRequest(400, f"the body is {_kind(document)}; expected an object with resourceSpans")
    try:
        return ExportTraceServiceRequest(resource_spans=_each(document, "resourceSpans", _resource_spans, ""))
    except UnicodeEncodeError:
        raise BadRequest(400, "the body holds text that is not Unicode: a lone surrogate") from None
    except (RecursionError, DecodeError, EncodeError):
        # protobuf takes 100 levels of messages
        raise BadRequest(400, "the body is nested too deep") from None


def _resource_spans(data: Json, at: str) -> ResourceSpans:
    return ResourceSpans(
        resource=_one(data, "resource", _resource, at),
        scope_spans=_each(data, "scopeSpans", _scope_spans, at),
        schema_url=_text(data, "schemaUrl", at),
    )


def _resource(data: Json, at: str) -> Resource:
    return Resource(attributes=_each(data, "attributes", _key_value, at))


def _scope_spans(data: Json, at: str) -> ScopeSpans:
    return ScopeSpans(
        scope=_one(data, "scope", _scope, at),
        spans=_each(data, "spans", _span, at),
        schema_url=_text(data, "schemaUrl", at),
    )


def _scope(data: Json, at: str) -> InstrumentationScope:
    return InstrumentationScope(
        name=_text(data, "name", at),
        version=_text(data, "version", at),
        attributes=_each(data, "attributes", _key_value, at),
    )


def _span(data: Json, at: str) -> Span:
    # Events and links are not read by anything behind this; leaving them out keeps message content out too.
    kind: Any = _integer(data, "kind", at, 0, 1 << 31)  # an open enum: any int32
    return Span(
        trace_id=_id(data, "traceId"),
        span_id=_id(data, "spanId"),
        parent_span_id=_id(data, "parentSpanId"),
        trace_state=_text(data, "traceState", at),
        name=_text(data, "name", at),
        kind=kind,
        start_time_unix_nano=_integer(data, "startTimeUnixNano", at, 0, _UINT64),
        end_time_unix_nano=_integer(data, "endTimeUnixNano", at, 0, _UINT64),
        attributes=_each(data, "attributes", _key_value, at),
        status=_one(data, "status", _status, at),
    )


def _status(data: Json, at: str) -> Status:
    code: Any = _integer(data, "code", at, 0, 1 << 31)
    return Status(code=code, message=_text(data, "message", at))


def _key_value(data: Json, at: str) -> KeyValue:
    return KeyValue(key=_text(data, "key", at), value=_one(data, "value", _any_value, at))


def _any_value(data: Json, at: str) -> AnyValue:
    # A field that is null is a field that is not there.
    if data.get("stringValue") is not None:
        return AnyValue(string_value=_text(data, "stringValue", at))
    if data.get("intValue") is not None:
        return AnyValue(int_value=_integer(data, "intValue", at, -_INT64, _INT64))
    if (flag := data.get("boolValue")) is not None:
        if not isinstance(flag, bool):
            raise _wrong(f"{at}.boolValue", flag, "true or false")
        return AnyValue(bool_value=flag)
    if (number := data.get("doubleValue")) is not None:
        return AnyValue(double_value=_number(number, f"{at}.doubleValue"))
    if data.get("arrayValue") is not None:
        return AnyValue(array_value=_one(data, "arrayValue", _array, at))
    if data.get("kvlistValue") is not None:
        return AnyValue(kvlist_value=_one(data, "kvlistValue", _kvlist, at))
    if data.get("bytesValue") is not None:
        return AnyValue(bytes_value=_bytes(data, "bytesValue", at))
    if "doubleValue" in data:
        return AnyValue(double_value=math.nan)  # JavaScript writes NaN as null
    return AnyValue()


def _array(data: Json, at: str) -> ArrayValue:
    return ArrayValue(values=_each(data, "values", _any_value, at))


def _kvlist(data: Json, at: str) -> KeyValueList:
    return KeyValueList(values=_each(data, "values", _key_value, at))


def _each(data: Json, key: str, read: Callable[[Json, str], T], at: str) -> list[T]:
    items = data.get(key)
    if items is None:
        return []
    if not isinstance(items, list):
        raise _wrong(f"{at}.{key}", items, "an array")
    result: list[T] = []
    for number, item in enumerate(cast(list[Json], items)):
        path = f"{at}.{key}[{number}]"
        if not isinstance(item, dict):
            raise _wrong(path, item, "an object")
        result.append(read(item, path))
    return result


def _one(data: Json, key: str, read: Callable[[Json, str], T], at: str) -> T | None:
    value = data.get(key)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _wrong(f"{at}.{key}", value, "an object")
    return read(value, f"{at}.{key}")


def _text(data: Json, key: str, at: str) -> str:
    value = data.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(f"{at}.{key}", value, "a string")
    return value


def _id(data: Json, key: str) -> bytes:
    """An id; what is no hex becomes one of a length that no id has: its span alone is rejected then."""
    value = data.get(key)
    if value is None:
        return b""
    try:
        return binascii.unhexlify(value) if isinstance(value, str) else _NO_ID
    except ValueError:
        return _NO_ID


def _bytes(data: Json, key: str, at: str) -> bytes:
    """Base64 in either alphabet, padded or not, as protobuf's JSON form allows."""
    text = _text(data, key, at).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise _wrong(f"{at}.{key}", text, "base64") from None


def _integer(data: Json, key: str, at: str, least: int, bound: int) -> int:
    """A number or a string: protobuf's JSON form prints 64-bit integers as strings, OpenTelemetry JS as numbers."""
    value = data.get(key)
    if value is None:
        return 0
    number: int | None = None
    if isinstance(value, str):
        number = int(value) if _DIGITS.fullmatch(value) else None
    elif isinstance(value, float):
        number = int(value) if value.is_integer() else None
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    if number is None or not least <= number < bound:
        raise _wrong(f"{at}.{key}", value, "an integer in range, as a number or a string")
    return number


def _number(value: Json, at: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise _wrong(at, value, "a number") from None
    if isinstance(value, str) and (value in ("NaN", "Infinity", "-Infinity") or _DECIMAL.fullmatch(value)):
        return float(value)
    raise _wrong(at, value, "a number")


def _wrong(at: str, value: Json, expected: str) -> BadRequest:
    # The value itself may be content: only its kind is named.
    return BadRequest(400, f"{at.lstrip('.')} is {_kind(value)}; expected {expected}")


def _kind(value: Json) -> str:
    kinds: list[tuple[type, str]] = [
        *((dict, "an object"), (list, "an array"), (str, "a string")),
        *((bool, "a boolean"), (int, "a number"), (float, "a number")),
    ]
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")
