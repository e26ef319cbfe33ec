"""For tests of applications: see the spans that would have been sent.

from breakeven.testing import captured_spans

def test_triage_is_billed():
    with captured_spans() as spans:
        triage("my printer is on fire")
    assert [span.attributes["breakeven.feature"] for span in spans] == ["ticket-triage"]
"""

import threading
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider

from breakeven import FeatureSpanProcessor, _guard

__all__ = ["captured_spans", "raise_errors"]


class _Captures(SpanProcessor):
    """Hands ended spans to whoever captures at the time. A provider cannot be rid of a processor, so there is one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[list[ReadableSpan]] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing to do yet."""

    def on_end(self, span: ReadableSpan) -> None:
        with self._lock:
            for spans in self._open:
                spans.append(span)

    def begin(self, spans: list[ReadableSpan]) -> None:
        with self._lock:
            self._open.append(spans)

    def end(self, spans: list[ReadableSpan]) -> None:
        with self._lock:
            self._open = [other for other in self._open if other is not spans]


_captures: "weakref.WeakKeyDictionary[Any, _Captures]" = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def _captures_of_global_provider() -> _Captures:
    with _lock:
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            trace.set_tracer_provider(TracerProvider(resource=Resource({}), shutdown_on_exit=False))
        provider: Any = trace.get_tracer_provider()
        captures = _captures.get(provider)
        if captures is None:
            captures = _captures[provider] = _Captures()
            provider.add_span_processor(FeatureSpanProcessor())
            provider.add_span_processor(captures)
        return captures


@contextmanager
def captured_spans() -> Generator[list[ReadableSpan]]:
    """Collect the spans that end inside, in the order they end, with feature and number on them.

    Uses the global TracerProvider, and sets one if there is none. Nothing is sent anywhere that was not before.
    """
    spans: list[ReadableSpan] = []
    captures = _captures_of_global_provider()
    captures.begin(spans)
    try:
        yield spans
    finally:
        captures.end(spans)


@contextmanager
def raise_errors() -> Generator[None]:
    """Let errors inside Breakeven through, which an application never sees; and log each message anew."""
    before = _guard.strict
    _guard.strict = True
    _guard.forget_logged()
    try:
        yield
    finally:
        _guard.strict = before
