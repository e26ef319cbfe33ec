"""The span processor that writes who pays on every span, and numbers the LLM spans."""

import itertools
import os
import secrets
from collections.abc import Mapping
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanKind, get_current_span

from breakeven import _switch
from breakeven import attributes as a
from breakeven._guard import guard
from breakeven._payer import frame_in

_LLM_PREFIXES: Final = ("gen_ai.", "llm.", "langfuse.", "openinference.")
_NUMBERS_AT_END: Final = hasattr(SpanProcessor, "_on_ending")
_STAMP: Final = "_breakeven_stamp"


class _Counter:
    """Numbers spans of one process. One for all processors: a span has one number, wherever it is sent."""

    def __init__(self) -> None:
        # Replaced as a whole: a number is never seen with the source of another process.
        self._drawn = (secrets.token_hex(8), itertools.count(1))

    def draw(self) -> dict[str, str | int]:
        source, numbers = self._drawn
        return {a.SEQ: next(numbers), a.SEQ_SOURCE: source}

    def restart(self) -> None:
        self._drawn = (secrets.token_hex(8), itertools.count(1))


_counter = _Counter()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_counter.restart)


def is_llm(attributes: Mapping[str, object]) -> bool:
    """Whether a span with these attributes tells of an LLM call or of something around one."""
    for name in attributes:  # noqa: SIM110 - `any` takes twice the time, for every span there is
        if name.startswith(_LLM_PREFIXES):
            return True
    return False


def _attributes_of(span: ReadableSpan) -> Mapping[str, Any]:
    # `span.attributes` makes a proxy or a copy at each access.
    return getattr(span, "_attributes", None) or span.attributes or {}


def _route_of(parent_context: Context | None) -> Any:
    """The route that is being served, told by the span of the request or by what is below it."""
    parent = get_current_span(parent_context)
    if not isinstance(parent, ReadableSpan):
        return None
    told = _attributes_of(parent)
    # A client's span has a route too: the provider's.
    return told.get(a.ROUTE) or (told.get("http.route") if parent.kind is SpanKind.SERVER else None)


def _write_ended(span: Span, values: Mapping[str, str | int]) -> None:
    """Set attributes in `_on_ending`, when the span refuses it already though nobody has read it yet."""
    if span.is_recording():
        span.set_attributes(values)
    else:
        attributes: Any = _attributes_of(span)
        attributes._dict.update(values)


class FeatureSpanProcessor(SpanProcessor):
    """Writes feature, task, tenant, user, session, run and tags on every span that starts inside a feature.

    A span outside any feature gets the route of the request that is served, if a span above it tells one: a mapping
    rule may turn it into a feature.

    LLM spans also get a number (`breakeven.seq`) when they end, so that the collector can count those that never
    arrived. What a span already says stays. `breakeven.init` adds this processor by itself; add it to a
    `TracerProvider` of your own when you send the spans to Breakeven through a pipeline of your own:

        provider.add_span_processor(breakeven.FeatureSpanProcessor())

    Its place among other processors does not matter, and adding it twice does no harm.
    """

    @guard("write the feature on a span")
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Stamp the span from the context it is started in."""
        if _switch.off:
            return
        present = _attributes_of(span)
        frame = frame_in(parent_context)
        if frame is None and parent_context is not None:
            # `start_span(context=set_span_in_context(parent, Context()))` is a context that knows nothing but a parent.
            frame = frame_in()
        if frame is not None and (stamp := frame.stamp):
            if not stamp.keys().isdisjoint(present):
                stamp = {name: value for name, value in stamp.items() if name not in present}
            span.set_attributes(stamp)
            setattr(span, _STAMP, stamp)
        elif a.ROUTE not in present and (route := _route_of(parent_context)):
            span.set_attribute(a.ROUTE, route)
        if not _NUMBERS_AT_END and a.SEQ not in present and is_llm(present):
            span.set_attributes(_counter.draw())

    @guard("number a span")
    def _on_ending(self, span: Span) -> None:
        if _switch.off:
            return
        present = _attributes_of(span)
        if a.SEQ in present or not is_llm(present):
            return
        if not span.get_span_context().trace_flags.sampled:
            return
        values: dict[str, str | int | bool] = {}
        if getattr(present, "dropped", 0):
            # A span over its attribute limit (OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT) drops the oldest, ours among them.
            stamp: dict[str, str | bool] = getattr(span, _STAMP, {})
            values.update((name, value) for name, value in stamp.items() if name not in present)
        values.update(_counter.draw())
        _write_ended(span, values)
