"""A call that another tool kept, as an OTLP span. Nothing but what is named here leaves a row: no prompt, no answer."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

SCOPE: Final = "breakeven.import."
"""Scope of imported spans, and the tool behind it: other scopes may have reported the same call."""
SERVICE: Final = "import:"
"""Their service is no service: it says in the ledger, which keeps no source, that a row was imported."""

_MOST_TAGS: Final = 20
_PROVIDERS: Final = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "aws": "aws.bedrock",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "vertex": "gcp.vertex_ai",
    "vertex_ai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "google_ai_studio": "gcp.gemini",
    "mistral": "mistral_ai",
    "xai": "x_ai",
    "togetherai": "together_ai",
    "custom": "",
    "custom_openai": "openai",
    "text-completion-openai": "openai",
}


def provider_of(told: str) -> str:
    """A provider as the semantic conventions of OpenTelemetry name it."""
    name = told.strip().lower()
    if name.startswith("vertex_ai"):
        return "gcp.vertex_ai"
    return _PROVIDERS.get(name, name)


@dataclass(frozen=True)
class Usage:
    """Tokens of a call.

    Attributes:
        input: All of them, cached ones included; None: not told.
        output: All of them, reasoning included; None: not told.
        cache_read: Of input.
        cache_write: Of input, whatever its life.
        cache_write_1h: Of cache_write, for an hour.
        audio_input: Of input.
        image_input: Of input.
        reasoning: Of output.
        audio_output: Of output.
    """

    input: int | None = None
    output: int | None = None
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    audio_input: int = 0
    image_input: int = 0
    reasoning: int = 0
    audio_output: int = 0


@dataclass(frozen=True)
class Call:
    """One call.

    Attributes:
        source: litellm, langfuse or helicone.
        key: What identifies it there.
        start: When it began.
        end: When it ended.
        model: The one that answered, else that was asked.
        provider: As OpenTelemetry names it; empty: the model's name has to tell.
        operation: gen_ai.operation.name.
        usage: Its tokens.
        meters: What else was used.
        response_id: Id of the provider's answer; empty: the export has none.
        otel_trace_id: Trace of the call's own span in OpenTelemetry, hex; empty: there is none.
        otel_span_id: That span, hex.
        their_cost_usd: What the tool says it cost; None: nothing.
        gateway_cache: The tool answered from a cache of its own.
        failed: It failed.
        error_type: Name of the error.
        http_status: 0: unknown.
        feature: Declared; empty: rules may say.
        workflow: A name from which a feature may be inferred.
        tags: Further ones, by name.
        note: Something about how the row was read that is counted and told.
    """

    source: str
    key: str
    start: datetime
    end: datetime
    model: str
    provider: str = ""
    operation: str = "chat"
    usage: Usage = field(default_factory=Usage)
    meters: Mapping[str, int] = field(default_factory=dict[str, int])
    response_id: str = ""
    otel_trace_id: str = ""
    otel_span_id: str = ""
    their_cost_usd: Decimal | None = None
    gateway_cache: bool = False
    failed: bool = False
    error_type: str = ""
    http_status: int = 0
    service_tier: str = ""
    feature: str = ""
    workflow: str = ""
    agent: str = ""
    prompt: str = ""
    provider_key: str = ""
    provider_project: str = ""
    tenant: str = ""
    user_id: str = ""
    session_id: str = ""
    environment: str = ""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    note: str = ""

    def span(self) -> Span:
        """As a span. Its ids are the same whenever the call is imported; with the ids of a span of its own the call
        stands in that one's trace, below it.
        """
        digest = hashlib.sha256(f"{self.source}\0{self.key}".encode()).digest()
        known = _is_hex(self.otel_trace_id, 32) and _is_hex(self.otel_span_id, 16)
        start_ns = _ns(self.start)
        return Span(
            trace_id=bytes.fromhex(self.otel_trace_id) if known else digest[:16],
            span_id=digest[16:24],
            parent_span_id=bytes.fromhex(self.otel_span_id) if known else b"",
            name=f"{self.operation} {self.model}",
            kind=Span.SPAN_KIND_CLIENT,
            start_time_unix_nano=start_ns,
            end_time_unix_nano=max(start_ns, _ns(self.end)),
            attributes=[KeyValue(key=key, value=_any(value)) for key, value in self._attributes().items()],
            status=Status(code=Status.STATUS_CODE_ERROR if self.failed else Status.STATUS_CODE_UNSET),
        )

    def _attributes(self) -> dict[str, str | int | bool]:
        usage = self.usage
        told: dict[str, Any] = {
            "gen_ai.operation.name": self.operation,
            "gen_ai.provider.name": self.provider,
            "gen_ai.response.model": self.model,
            "gen_ai.response.id": self.response_id,
            "gen_ai.usage.cache_read.input_tokens": usage.cache_read,
            "gen_ai.usage.cache_write.input_tokens": usage.cache_write,
            "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": usage.cache_write_1h,
            "gen_ai.usage.audio.input_tokens": usage.audio_input,
            "gen_ai.usage.image.input_tokens": usage.image_input,
            "gen_ai.usage.reasoning.output_tokens": usage.reasoning,
            "gen_ai.usage.audio.output_tokens": usage.audio_output,
            "openai.response.service_tier": self.service_tier,
            "breakeven.import.their_cost_usd": "" if self.their_cost_usd is None else f"{self.their_cost_usd:f}",
            "breakeven.gateway.cache_hit": self.gateway_cache,
            "error.type": self.error_type,
            "http.response.status_code": self.http_status,
            "breakeven.feature": self.feature,
            "gen_ai.workflow.name": self.workflow,
            "gen_ai.agent.name": self.agent,
            "gen_ai.prompt.name": self.prompt,
            "breakeven.provider.key": self.provider_key,
            "breakeven.provider.project": self.provider_project,
            "breakeven.tenant": self.tenant,
            "user.id": self.user_id,
            "session.id": self.session_id,
        }
        told |= {f"breakeven.meter.{name}": quantity for name, quantity in self.meters.items()}
        told |= {f"breakeven.tag.{name}": value for name, value in list(self.tags.items())[:_MOST_TAGS]}
        kept = {key: value for key, value in told.items() if value not in ("", 0, False)}
        # 0 tokens are told; not telling any is something else.
        if usage.input is not None:
            kept["gen_ai.usage.input_tokens"] = usage.input
        if usage.output is not None:
            kept["gen_ai.usage.output_tokens"] = usage.output
        return kept


def request_of(calls: Iterable[Call], import_id: str) -> bytes:
    """An ExportTraceServiceRequest with these calls, all of one source.

    `import_id` is kept nowhere: it tells the journal, which drops a request that comes again byte by byte, that a later
    import of the same rows is no retry.
    """
    by_environment: dict[tuple[str, str], list[Span]] = {}
    for call in calls:
        by_environment.setdefault((call.source, call.environment), []).append(call.span())
    request = ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=Resource(
                    attributes=[
                        KeyValue(key=key, value=_any(value))
                        for key, value in (
                            ("service.name", f"{SERVICE}{source}"),
                            ("deployment.environment.name", environment),
                            ("breakeven.import.id", import_id),
                        )
                        if value
                    ]
                ),
                scope_spans=[ScopeSpans(scope=InstrumentationScope(name=f"{SCOPE}{source}"), spans=spans)],
            )
            for (source, environment), spans in by_environment.items()
        ]
    )
    return request.SerializeToString()


def end_of(start: datetime, end: datetime | None, *, seconds: float = 0.0) -> datetime:
    """The end that is told, else by the length, and never before the start."""
    return max(start, end if end is not None else start + timedelta(seconds=max(0.0, min(seconds, 86_400.0))))


def _ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000


def _is_hex(text: str, digits: int) -> bool:
    return re.fullmatch(rf"[0-9a-f]{{{digits}}}", text) is not None and text.strip("0") != ""


def _any(value: str | int | bool) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    return AnyValue(string_value=value)
