"""What is known of calls in progress beside what their spans say.

An instrumentation that captures no content leaves nothing to estimate from. For calls of the `openai` client the
wrapper of `_stream_usage` knows what was asked and what has been streamed so far; for others the GenAI instrumentations
hand the content to a completion hook. Neither puts content on the span, where other exporters would send it along.
"""

from contextvars import ContextVar
from typing import Any, Final, cast

from breakeven._exchange import MAX_CHARS, Exchange
from breakeven._guard import guard

_MAX_PENDING: Final = 1000
_MAX_CAPTURED: Final = 1_000_000
"""Characters of one attribute that is captured. Longer ones, such as images, are left out."""


class Call:
    """One call, told by its request and by what has come back."""

    __slots__ = ("answer", "chars", "claimed", "request", "system", "texts", "told", "tools")

    def __init__(
        self, request: Any, tools: Any = None, system: Any = None, answer: Any = None, *, told: bool = False
    ) -> None:
        # The application may go on to write into its list.
        self.request = list(cast("list[Any]", request)) if isinstance(request, list) else request
        self.tools = tools
        self.system = system
        self.answer = answer
        self.texts: list[str] = []
        self.chars = 0
        self.claimed = False
        self.told = told
        """By an instrumentation, in the form of the GenAI conventions."""

    def heard(self, text: str) -> None:
        """A piece of the answer. Of a very long answer only the length is kept."""
        self.chars += len(text)
        if self.chars <= MAX_CHARS:
            self.texts.append(text)

    def exchange(self) -> Exchange:
        """Both sides, cut to MAX_CHARS."""
        exchange = Exchange()
        asked = exchange.input
        asked.add_messages(self.request)
        if self.system:
            asked.messages += 1
            asked.add(self.system)
        asked.add(self.tools)
        exchange.output.add(self.answer)
        if self.texts:
            kept = "".join(self.texts)
            exchange.output.add(kept, max(1.0, self.chars / len(kept)))
        exchange.cut()
        return exchange

    def attributes(self) -> dict[str, str]:
        """The content as attributes of the GenAI conventions, for a feature that opted in to capture."""
        from opentelemetry.util.genai.utils import gen_ai_json_dumps  # pyright: ignore[reportMissingTypeStubs]

        sides = {
            "gen_ai.input.messages": self.request,
            "gen_ai.output.messages": self.answer,
            "gen_ai.system_instructions": self.system,
            "gen_ai.tool.definitions": self.tools,
        }
        texts = {name: gen_ai_json_dumps(value) for name, value in sides.items() if value}
        return {name: text for name, text in texts.items() if len(text) <= _MAX_CAPTURED}


current: ContextVar[Call | None] = ContextVar("breakeven_call", default=None)
"""The call of the openai client that is being made; the first span started inside is taken to be its span."""

_pending: dict[int, Call] = {}


def begin(span_id: int) -> None:
    """A span starts; if a call is being made, they belong together."""
    call = current.get()
    if call is not None and not call.claimed:
        call.claimed = True
        _remember(span_id, call)


def end(span_id: int) -> Call | None:
    """The span ends: what is known of its call, which is then forgotten here."""
    return _pending.pop(span_id, None) if _pending else None


def _remember(span_id: int, call: Call) -> None:
    if len(_pending) >= _MAX_PENDING:
        # Spans that never end. The oldest goes.
        _pending.pop(next(iter(_pending)), None)
    _pending[span_id] = call


class CompletionHook:
    """Given to the GenAI instrumentations, which call it with the content of each call just before its span ends.

    The hook of the application, if the environment names one, is called as it would be without us.
    """

    def __init__(self, theirs: Any = None) -> None:
        self._theirs = theirs

    def on_completion(self, *, span: Any = None, **content: Any) -> None:
        """Remember the content until the span has ended, a moment later."""
        with guard("take the content of a call"):
            if span is not None and span.is_recording() and span.get_span_context().trace_flags.sampled:
                _remember(
                    span.get_span_context().span_id,
                    Call(
                        content.get("inputs"),
                        content.get("tool_definitions"),
                        content.get("system_instruction"),
                        content.get("outputs") or None,
                        told=True,
                    ),
                )
        if self._theirs is not None:
            self._theirs.on_completion(span=span, **content)


def completion_hook() -> CompletionHook | None:
    """A hook for `instrument(completion_hook=…)`; None where this version of the instrumentations knows none."""
    try:
        from opentelemetry.util.genai.completion_hook import (  # pyright: ignore[reportMissingTypeStubs]
            load_completion_hook,
        )
    except ImportError:
        return None
    return CompletionHook(load_completion_hook())
