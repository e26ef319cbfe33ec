"""OTLP: what a request must be, and how it is answered. Pure functions; the receivers only wire them.

Specification: opentelemetry-proto `docs/specification.md`; docs/otlp.md holds its rules against the tests. The spans
themselves are not interpreted here.
"""

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from breakeven_collector import otlp_json
from breakeven_collector.errors import BadRequest

GRPC_CODES: Final = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 413: 8, 415: 3, 429: 8, 500: 13, 503: 14}

_NO_TRACE_ID: Final = bytes(16)
_NO_SPAN_ID: Final = bytes(8)
_BAD_IDS: Final = (
    "trace_id must have 16 bytes, span_id 8, not all zero, parent_span_id 8 or none; in JSON they are hex digits"
)


class Encoding(Enum):
    """The two forms of OTLP over HTTP, by media type."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"

    @property
    def protocol(self) -> str:
        """As OTEL_EXPORTER_OTLP_PROTOCOL names it."""
        return "http/json" if self is Encoding.JSON else "http/protobuf"

    @classmethod
    def of(cls, content_type: str) -> "Encoding":
        """Encoding of a Content-Type header; its case and parameters do not matter.

        Raises:
            BadRequest: 415.
        """
        media_type = content_type.partition(";")[0].strip().lower()
        for encoding in cls:
            if media_type == encoding.value:
                return encoding
        raise BadRequest(415, f"Content-Type {content_type[:100]!r}: send application/x-protobuf or application/json")


@dataclass(frozen=True)
class Traces:
    """A request that can be kept.

    Attributes:
        body: An ExportTraceServiceRequest in regular protobuf, without what was rejected.
        spans: How many spans are in it.
        rejected: How many were left out.
        reason: Why.
        oldest_end_ns: End of the oldest span, Unix nanoseconds; 0 where there is none.
        newest_end_ns: The same of the newest. Both of the first and last span of each scope: exporters send spans in
            the order in which they ended.
    """

    body: bytes
    spans: int
    rejected: int = 0
    reason: str = ""
    oldest_end_ns: int = field(default=0, compare=False)
    newest_end_ns: int = field(default=0, compare=False)


def read_traces(body: bytes, encoding: Encoding) -> Traces:
    """Check a decompressed body; spans whose ids are not valid are left out, the rest is kept.

    Raises:
        BadRequest: 400, the body cannot be decoded.
    """
    if encoding is Encoding.JSON:
        request = otlp_json.decode(body)
        as_sent = False
    else:
        try:
            request = ExportTraceServiceRequest.FromString(body)
        except DecodeError:
            raise BadRequest(400, "the body is not an ExportTraceServiceRequest in protobuf") from None
        # Field numbers that we append mean something to the store: a stranger's are taken off.
        as_sent = len(UnknownFieldSet(request)) == 0  # pyright: ignore[reportUnknownArgumentType]
    spans = rejected = 0
    ends: list[int] = []
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            bad = [n for n, span in enumerate(scope_spans.spans) if not _has_valid_ids(span)]
            spans += len(scope_spans.spans) - len(bad)
            rejected += len(bad)
            for n in reversed(bad):
                del scope_spans.spans[n]
            if scope_spans.spans:
                ends += (scope_spans.spans[0].end_time_unix_nano, scope_spans.spans[-1].end_time_unix_nano)
    if rejected or not as_sent:
        request.DiscardUnknownFields()  # pyright: ignore[reportUnknownMemberType]
        body = request.SerializeToString()
    return Traces(
        body,
        spans,
        rejected,
        _BAD_IDS if rejected else "",
        oldest_end_ns=min(ends, default=0),
        newest_end_ns=max(ends, default=0),
    )


def _has_valid_ids(span: Span) -> bool:
    trace_id, span_id = span.trace_id, span.span_id
    return (
        len(trace_id) == 16
        and len(span_id) == 8
        and len(span.parent_span_id) in (0, 8)
        and trace_id != _NO_TRACE_ID
        and span_id != _NO_SPAN_ID
    )


def response(encoding: Encoding, rejected: int = 0, reason: str = "") -> bytes:
    """Body of a 200: empty on full success, else with partial_success."""
    if not rejected:
        return b"{}" if encoding is Encoding.JSON else b""
    if encoding is Encoding.JSON:
        return json.dumps({"partialSuccess": {"rejectedSpans": str(rejected), "errorMessage": reason}}).encode()
    partial = ExportTracePartialSuccess(rejected_spans=rejected, error_message=reason)
    return _bytes(ExportTraceServiceResponse(partial_success=partial))


def error_body(encoding: Encoding, status: int, message: str) -> bytes:
    """Body of a 4xx or 5xx: a `google.rpc.Status`."""
    code = GRPC_CODES.get(status, 2)
    if encoding is Encoding.JSON:
        return json.dumps({"code": code, "message": message}).encode()
    return _bytes(Status(code=code, message=message))


def _bytes(message: Message) -> bytes:
    return message.SerializeToString()
