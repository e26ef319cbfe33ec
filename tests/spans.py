"""Builds OTLP requests for tests, with protobuf's own classes."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GENAI = "opentelemetry.instrumentation.genai.openai"
NATIVE = "com.anthropic.sdk.python"

_random = random.Random(1)


@dataclass
class Call:
    """One span; by default a call of gpt-4o with 1,000 input and 100 output tokens."""

    at: datetime = NOON
    seconds: float = 1.0
    scope: str = GENAI
    feature: str | None = "search"
    provider: str = "openai"
    model: str = "gpt-4o"
    input_tokens: int | None = 1000
    output_tokens: int | None = 100
    response_id: str | None = None
    operation: str = "chat"
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    failed: bool = False
    trace_id: bytes = field(default_factory=lambda: _random.randbytes(16))
    span_id: bytes = field(default_factory=lambda: _random.randbytes(8))
    parent: bytes = b""

    def span(self) -> Span:
        start = int(self.at.timestamp() * 1_000_000) * 1000
        named: dict[str, Any] = {
            "gen_ai.operation.name": self.operation or None,
            "gen_ai.provider.name": self.provider or None,
            "gen_ai.response.model": self.model or None,
            "gen_ai.usage.input_tokens": self.input_tokens,
            "gen_ai.usage.output_tokens": self.output_tokens,
            "gen_ai.response.id": self.response_id,
            "breakeven.feature": self.feature,
            **self.attributes,
        }
        return Span(
            trace_id=self.trace_id,
            span_id=self.span_id,
            parent_span_id=self.parent,
            name=f"{self.operation} {self.model}",
            kind=Span.SPAN_KIND_CLIENT,
            start_time_unix_nano=start,
            end_time_unix_nano=start + int(self.seconds * 1e9),
            attributes=[KeyValue(key=k, value=any_value(v)) for k, v in named.items() if v is not None],
            status=Status(code=Status.STATUS_CODE_ERROR if self.failed else Status.STATUS_CODE_UNSET),
        )


def any_value(value: Any) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(string_value=str(value))


def request(*calls: Call, service: str = "api", resource: Mapping[str, Any] | None = None) -> ExportTraceServiceRequest:
    """One request; spans of the same scope stand together."""
    scopes: dict[str, list[Span]] = {}
    for call in calls:
        scopes.setdefault(call.scope, []).append(call.span())
    attributes = {"service.name": service, **(resource or {})}
    return ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=Resource(attributes=[KeyValue(key=k, value=any_value(v)) for k, v in attributes.items()]),
                scope_spans=[ScopeSpans(scope=InstrumentationScope(name=n), spans=s) for n, s in scopes.items()],
            )
        ]
    )


def body(*calls: Call, **keywords: Any) -> bytes:
    return request(*calls, **keywords).SerializeToString()


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)
