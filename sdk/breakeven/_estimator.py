"""Which ended spans get an estimate of their tokens, and what is left of a span when it leaves the process.

`take` runs where the application waits and only looks; `finish` runs in the outbox's thread and counts.
"""

import re
import threading
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from breakeven import _calls, _tokens
from breakeven import attributes as a
from breakeven._calls import Call
from breakeven._content import attributes_of, content_of, copy_of, events_of, without_content
from breakeven._estimate import estimate
from breakeven._exchange import Exchange, Kept, keep, read

SAMPLE_FIRST: Final = 20
SAMPLE_EVERY: Final = 50
"""Calls that report their usage are estimated too, so that the collector learns how the two compare: of each feature
and model the first 20, then one in 50."""
_MAX_KINDS: Final = 1000

CPU_SHARE: Final = 0.025
CPU_BURST_S: Final = 1.5
"""Together at most 3 s of CPU in any minute, 5 % of one core. Beyond, samples are left out, and calls that report no
usage are estimated from their length and from how many characters a token had so far."""

MAX_HELD_CHARS: Final = 16_000_000
"""Of content that waits to be counted, in all. Beyond, calls get no estimate."""

_INPUT: Final = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.token_count.prompt",
    "llm.usage.prompt_tokens",
)
_OUTPUT: Final = (
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
    "llm.usage.completion_tokens",
)
_BLOBS: Final = re.compile(
    r"gen_ai\.usage\.raw|langfuse\.observation\.usage_details|metadata\.usage_object|llm\.\w+\.usage"
)
_MODELS: Final = (
    "gen_ai.response.model",
    "llm.response.model_name",
    "llm.model_name",
    "langfuse.observation.model.name",
    "embedding.model_name",
    "gen_ai.request.model",
    "llm.request.model_name",
)
_BILLABLE: Final = frozenset({"chat", "text_completion", "generate_content", "embeddings", "completion", "embedding"})
_KINDS: Final = frozenset({"LLM", "EMBEDDING"})
_NO_CHAT: Final = frozenset({"embeddings", "embedding", "text_completion", "completion"})

_REFUSED: Final = frozenset({"400", "401", "403", "404", "413", "422", "429"})
"""Answered before any work was done, and not billed."""
_REFUSED_NAMES: Final = (
    "BadRequestError",
    "AuthenticationError",
    "PermissionDeniedError",
    "NotFoundError",
    "RequestTooLargeError",
    "UnprocessableEntityError",
    "RateLimitError",
    "ThrottlingException",
    "ValidationException",
    "AccessDeniedException",
    "ResourceExhausted",
    "InvalidArgument",
)
_STATUS: Final = re.compile(r"\b(?:[Ee]rror code|[Ss]tatus(?: code)?|HTTP(?:/[\d.]+)?)\W{1,3}(\d{3})\b|^(\d{3}) ")


class Parcel(NamedTuple):
    """A span on its way out."""

    span: ReadableSpan
    kept: dict[str, Kept] | None = None
    """Content attributes of the span,"""
    exchange: Exchange | None = None
    """and what is known beside them, to count tokens from."""
    call: Call | None = None
    """Content to be sent along, which the feature opted in to."""
    chars: int = 0
    """How much of MAX_HELD_CHARS all that takes."""
    missing: bool = False
    """The call reports no usage."""


class _Budget:
    """CPU time that is there to be spent."""

    def __init__(self) -> None:
        self._left_s = CPU_BURST_S
        self._at = time.monotonic()

    def left(self) -> bool:
        now = time.monotonic()
        self._left_s = min(CPU_BURST_S, self._left_s + (now - self._at) * CPU_SHARE)
        self._at = now
        return self._left_s > 0

    def spend(self, cpu_s: float) -> None:
        self._left_s -= cpu_s


class Estimator:
    """Takes content off spans, and puts estimates on them."""

    def __init__(self) -> None:
        # Reentrant: a signal handler may end a span while this very thread is in here.
        self._lock = threading.RLock()
        self._calls: dict[tuple[object, object], int] = {}
        self._held_chars = 0
        self._budget = _Budget()
        self._counted_chars, self._counted_tokens = 4, 1

    def take(self, span: ReadableSpan) -> Parcel:
        """What is to be queued of an ended span: no content but what an estimate needs."""
        context = span.get_span_context()
        call = None if context is None else _calls.end(context.span_id)
        content = content_of(span)
        if not content and call is None:
            return Parcel(span)
        attributes = attributes_of(span)
        capture = attributes.get(a.CAPTURE) is True
        if content and not capture:
            span = without_content(span)
        parcel = Parcel(span, call=call if capture and call is not None and call.told else None)
        reported = _reports_usage(attributes)
        if (
            _is_call(attributes)
            and not _is_refused(span, attributes)
            and (not reported or self._is_sampled(attributes))
        ):
            kept = keep(content)
            exchange = None if call is None else call.exchange()
            chars = sum(len(each.value) for each in kept.values() if isinstance(each.value, str))
            chars += 0 if exchange is None else exchange.chars
            with self._lock:
                if self._held_chars + chars <= MAX_HELD_CHARS:
                    self._held_chars += chars
                    return parcel._replace(kept=kept, exchange=exchange, chars=chars, missing=not reported)
        return parcel

    def drop(self, parcel: Parcel) -> None:
        """The parcel is not going to be finished."""
        with self._lock:
            self._held_chars -= parcel.chars

    def finish(self, parcel: Parcel) -> ReadableSpan:
        """The span as it is sent, with an estimate if there is one."""
        self.drop(parcel)
        span = parcel.span
        added: dict[str, Any] = {}
        if parcel.call is not None:
            added.update(parcel.call.attributes())
        if parcel.kept is not None and (parcel.missing or self._budget.left()):
            began_s = time.thread_time()
            added.update(self._estimate(parcel))
            self._budget.spend(time.thread_time() - began_s)
        if not added:
            return span
        attributes = attributes_of(span)
        return copy_of(span, {**attributes, **added}, silent=attributes.get(a.CAPTURE) is not True)

    def _estimate(self, parcel: Parcel) -> dict[str, Any]:
        attributes = attributes_of(parcel.span)
        exchange = read(parcel.kept or {})
        if parcel.exchange is not None:
            # The instrumentation may have put one side on the span only, or none.
            exchange = Exchange(
                exchange.input if exchange.input.texts else parcel.exchange.input,
                exchange.output if exchange.output.texts else parcel.exchange.output,
            )
        operation = str(attributes.get(a.OPERATION, attributes.get("llm.request.type", ""))).lower()
        chat = operation not in _NO_CHAT and attributes.get("openinference.span.kind") != "EMBEDDING"
        found = estimate(exchange, str(_model(attributes) or ""), chat=chat, count=self._count)
        named = {
            a.ESTIMATED_INPUT_TOKENS: found.input_tokens,
            a.ESTIMATED_OUTPUT_TOKENS: found.output_tokens,
            a.ESTIMATED_INCOMPLETE: found.incomplete or None,
        }
        if found.input_tokens is None and found.output_tokens is None:
            return {}
        return {name: value for name, value in named.items() if value is not None}

    def _count(self, text: str, encoding: str) -> int | None:
        if not self._budget.left():
            return -(-len(text) * self._counted_tokens // self._counted_chars)
        tokens = _tokens.count(text, encoding)
        if tokens is not None:
            self._counted_chars += len(text)
            self._counted_tokens += tokens
        return tokens

    def _is_sampled(self, attributes: Mapping[str, Any]) -> bool:
        key = (attributes.get(a.FEATURE), _model(attributes))
        with self._lock:
            if key not in self._calls and len(self._calls) >= _MAX_KINDS:
                key = (None, None)
            number = self._calls[key] = self._calls.get(key, 0) + 1
        return number <= SAMPLE_FIRST or number % SAMPLE_EVERY == 0


def _model(attributes: Mapping[str, Any]) -> object:
    return next((value for name in _MODELS if (value := attributes.get(name))), None)


def _is_call(attributes: Mapping[str, Any]) -> bool:
    """Whether the span is one call of a model, and not a step, an agent or a tool around some."""
    if a.WRAPPER in attributes or "traceloop.span.kind" in attributes:
        return False
    operation, kind = attributes.get(a.OPERATION), attributes.get("openinference.span.kind")
    if operation is not None:
        return str(operation).lower() in _BILLABLE
    return kind in _KINDS if kind is not None else _model(attributes) is not None


def _reports_usage(attributes: Mapping[str, Any]) -> bool:
    """Both sides, or one and the call has no other. 0 is what instrumentations write that know nothing."""
    if attributes.get(a.STREAM) is True and "gen_ai.response.finish_reasons" not in attributes:
        # Closed early. Anthropic's streams tell the input at once, and an output of 1 that is only the beginning.
        return False
    if any(map(_BLOBS.fullmatch, attributes)):
        return True
    told = [any(attributes.get(name) for name in names) for names in (_INPUT, _OUTPUT)]
    embeds = str(attributes.get(a.OPERATION, "")).startswith("embed") or "embedding.model_name" in attributes
    return told[0] and (told[1] or embeds)


def _is_refused(span: ReadableSpan, attributes: Mapping[str, Any]) -> bool:
    """Whether the provider turned the call away before it did any work."""
    if span.status.status_code is not StatusCode.ERROR and a.ERROR_TYPE not in attributes:
        return False
    kinds = [str(attributes.get(a.ERROR_TYPE, ""))]
    kinds += [str((event.attributes or {}).get("exception.type", "")) for event in events_of(span)]
    if any(kind.endswith(_REFUSED_NAMES) for kind in kinds):
        return True
    codes = [attributes.get("http.response.status_code"), attributes.get("http.status_code"), *kinds]
    if match := _STATUS.search(span.status.description or ""):
        codes.append(match[1] or match[2])
    return any(str(code) in _REFUSED for code in codes)
