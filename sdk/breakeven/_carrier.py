"""The feature in the payload of a job, message or request of the application's own."""

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import SpanContext
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from breakeven import _switch
from breakeven._entry import Entry
from breakeven._guard import guard, log_once
from breakeven._payer import MAX_STEPS, NOBODY, Payer, current
from breakeven._text import clean

KEY: Final = "breakeven"
_MAX_CHARS: Final = 16_384
_NAMES: Final = ("feature", "tenant", "user", "session", "run")
# Named, not the global propagators: those may add baggage.
_trace_context: Final = TraceContextTextMapPropagator()


def carrier() -> dict[str, str]:
    """What a job needs to be billed like the code that submits it.

    Put the dict into the payload of a queue message, background job or batch request, and enter `attach(payload)` where
    the work is done. It holds the feature with its task path, tenant, user, session, run and tags under "breakeven",
    and the W3C `traceparent`; all values are ASCII strings, fit for JSON and for message headers. It is empty outside
    any feature and trace. Do not send it to an LLM provider.
    """
    payload: dict[str, str] = {}
    if _switch.off:
        return payload
    with guard("make a carrier"):
        payer = current()
        if payer is not NOBODY:
            payload[KEY] = _encode(payer)
        _trace_context.inject(payload)
    return payload


def attach(carrier: Mapping[str, Any] | None) -> "Attached":
    """Take up what `carrier()` gave: with `with`, `async with`, or as a decorator.

    The feature in the carrier replaces the one that is active here. Its trace becomes the parent unless a span is
    running already. A dict without a carrier in it, or anything else, is ignored; one that is broken is logged once.
    """
    return Attached(carrier)


def _encode(payer: Payer) -> str:
    fields = {name: value for name in _NAMES if (value := getattr(payer, name)) is not None}
    body: dict[str, object] = {**fields}
    if payer.capture:
        body["capture"] = True
    if payer.steps:
        body["task"] = list(payer.steps)
    if payer.tags:
        body["tags"] = dict(payer.tags)
    return json.dumps(body, separators=(",", ":"))


def _decode(text: object) -> Payer | None:
    """The payer, or None if this is no carrier of ours. Everything in it is cleaned: it came from outside."""
    if not isinstance(text, str) or len(text) > _MAX_CHARS:
        return None
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    fields = cast("dict[str, object]", body)
    steps, tags = fields.get("task", []), fields.get("tags", {})
    if not isinstance(steps, list) or not isinstance(tags, dict):
        return None
    named = {name: clean(value) if isinstance(value := fields.get(name), str) else None for name in _NAMES}
    path = (clean(step) for step in cast("list[object]", steps)[:MAX_STEPS] if isinstance(step, str))
    pairs = ((clean(key), clean(value)) for key, value in cast("dict[str, object]", tags).items())
    return Payer(
        **named,
        steps=tuple(step for step in path if step is not None),
        tags=tuple((key, value) for key, value in pairs if key is not None and value is not None),
        capture=fields.get("capture") is True,
    )


class Attached(Entry):
    """An entry that takes up a carrier."""

    def __init__(self, carrier: object) -> None:
        self._payer: Payer | None = None
        self._parent: SpanContext | None = None
        with guard("read a carrier"):
            self._read(carrier)

    def _read(self, carrier: object) -> None:
        if carrier is None:
            return
        if not isinstance(carrier, Mapping):
            log_once("carrier", "attach(%s): expected the dict that carrier() gave; ignored", type(carrier).__name__)
            return
        items = cast("Mapping[str, object]", carrier)
        if (text := items.get(KEY)) is not None:
            self._payer = _decode(text)
            if self._payer is None:
                log_once("carrier", 'attach(…): the value of "breakeven" is not one that carrier() made; ignored')
        headers = {name: value for name in ("traceparent", "tracestate") if isinstance(value := items.get(name), str)}
        parent = trace.get_current_span(_trace_context.extract(headers, otel_context.Context())).get_span_context()
        self._parent = parent if parent.is_valid else None

    def payer(self, outer: Payer) -> Payer:
        """The one in the carrier, if there is one."""
        return outer if self._payer is None else self._payer

    @guard("take up a carrier")
    def _enter(self) -> None:
        super()._enter()
        if self._parent is None or _switch.off or trace.get_current_span().get_span_context().is_valid:
            return
        otel_context.attach(trace.set_span_in_context(trace.NonRecordingSpan(self._parent)))

    @guard("leave a carrier")
    def _leave(self) -> None:
        super()._leave()
        if self._parent is not None and trace.get_current_span().get_span_context() is self._parent:
            otel_context.attach(trace.set_span_in_context(trace.INVALID_SPAN))
