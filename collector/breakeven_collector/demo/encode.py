"""OTLP's protobuf wire format, by hand: a span from ready-made pieces costs a tenth of one built as an object.

Each function gives the bytes of one field or one message; they are put together by adding. Field numbers are those of
opentelemetry-proto 1.x (`trace.proto`, `common.proto`, `resource.proto`).
"""

from collections.abc import Iterable
from struct import Struct
from typing import Final

_SPAN_KIND_CLIENT: Final = b"\x30\x03"
_FLAGS_LOCAL_PARENT: Final = b"\x85\x01\x00\x01\x00\x00"
"""`flags` = "it is known whether the parent is remote, and it is not": what OpenTelemetry's Python SDK sends."""
STATUS_ERROR: Final = b"\x7a\x02\x18\x02"
STATUS_OK: Final = b"\x7a\x02\x18\x01"

_FRAME: Final = Struct("<2s16s2s8s2s8scQcQ").pack


def varint(number: int) -> bytes:
    """A non-negative integer, seven bits a byte, lowest first."""
    if number < _TABLED:
        return _TABLE[number]
    return bytes((number & 127 | 128,)) + varint(number >> 7)


def _varint_slowly(number: int) -> bytes:
    low, rest = number & 127, number >> 7
    return bytes((low | 128,)) + _varint_slowly(rest) if rest else bytes((low,))


_TABLED: Final = 1 << 14
_TABLE: Final = [_varint_slowly(number) for number in range(_TABLED)]


def message(field: int, content: bytes) -> bytes:
    """A field that holds a message, a string or bytes. Fields up to 15 only."""
    return bytes((field << 3 | 2,)) + varint(len(content)) + content


def attribute(key: str, value: str | bool | int, field: int = 9) -> bytes:
    """One `KeyValue`; field 9 is an attribute of a span, 1 one of a resource."""
    match value:
        case bool():
            content = b"\x10" + varint(value)
        case int():
            content = b"\x18" + varint(value)
        case str():
            content = message(1, value.encode())
    return message(field, message(1, key.encode()) + message(2, content))


class IntAttribute:
    """A span attribute of a fixed name and a number that changes from span to span."""

    def __init__(self, key: str) -> None:
        # The lengths before the number depend on how many bytes it takes: 1 to 9 for one below 2^63.
        self._before = [b""] + [attribute(key, 1 << 7 * (width - 1))[:-width] for width in range(1, 10)]

    def __call__(self, number: int) -> bytes:
        """The attribute with this number."""
        digits = varint(number)
        return self._before[len(digits)] + digits


class TextAttribute:
    """A span attribute of a fixed name and a text that changes, but not in length."""

    def __init__(self, key: str, prefix: str, width: int) -> None:
        self._before = attribute(key, prefix + "x" * width)[:-width]

    def __call__(self, text: bytes) -> bytes:
        """The attribute with prefix and this text of `width` bytes."""
        return self._before + text


def span_constants(name: str, status: bytes, attributes: Iterable[bytes]) -> bytes:
    """What all spans of a kind share."""
    return b"".join((message(5, name.encode()), _SPAN_KIND_CLIENT, *attributes, status, _FLAGS_LOCAL_PARENT))


def span_frame(trace_id: bytes, span_id: bytes, parent_id: bytes, start_ns: int, end_ns: int) -> bytes:
    """What is different on every span, attributes aside."""
    return _FRAME(
        b"\x0a\x10", trace_id, b"\x12\x08", span_id, b"\x22\x08", parent_id, b"\x39", start_ns, b"\x41", end_ns
    )


def scope(name: str, version: str) -> bytes:
    """The field `scope` of `ScopeSpans`."""
    return message(1, message(1, name.encode()) + message(2, version.encode()))


def scope_spans(scope_field: bytes, spans: Iterable[bytes]) -> bytes:
    """The field `scope_spans` of `ResourceSpans`."""
    pieces = [scope_field]
    for span in spans:
        pieces += (b"\x12", varint(len(span)), span)
    return message(2, b"".join(pieces))


def resource(attributes: dict[str, str]) -> bytes:
    """The field `resource` of `ResourceSpans`."""
    return message(1, b"".join(attribute(key, value, field=1) for key, value in attributes.items()))


def resource_spans(resource_field: bytes, scopes: Iterable[bytes]) -> bytes:
    """The field `resource_spans` of `ExportTraceServiceRequest`."""
    return message(1, resource_field + b"".join(scopes))
