"""Which attributes hold what users and models said, in every dialect. They do not leave the process.

The collector needs none of them; estimates are made from them before they are dropped.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, cast

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList

from breakeven import attributes as a

_NAMES: Final = frozenset(
    {
        # OpenTelemetry GenAI, on spans and on events
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
        "gen_ai.tool.description",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "gen_ai.retrieval.query.text",
        "gen_ai.retrieval.documents",
        "gen_ai.evaluation.explanation",
        "gen_ai.event.content",
        "gen_ai.prompt",
        "gen_ai.completion",
        # its task spans, LangChain
        "gen_ai.task.input",
        "gen_ai.task.output",
        # OpenInference
        "input.value",
        "output.value",
        "llm.invocation_parameters",
        "llm.prompt_template.template",
        "llm.prompt_template.variables",
        "llm.function_call",
        "tool.description",
        "tool.parameters",
        "tool.json_schema",
        "document.content",
        "reranker.query",
        "embedding.text",
        # Traceloop
        "traceloop.entity.input",
        "traceloop.entity.output",
        "traceloop.prompt.template",
        # Anthropic's client
        "anthropic.tool_result.content",
        # Logfire and Pydantic AI
        "request_data",
        "response_data",
        "events",
        "all_messages_events",
        "pydantic_ai.all_messages",
        "model_request_parameters",
        "final_result",
        "tool_arguments",
        "tool_response",
        # Langfuse
        "langfuse.observation.input",
        "langfuse.observation.output",
        "langfuse.observation.prompt",
        "langfuse.trace.input",
        "langfuse.trace.output",
        # LiteLLM
        "llm.prompts",
        "llm.completions",
        "messages",
        "prompt",
        "completion",
    }
)
_PATTERN: Final = re.compile(
    r"gen_ai\.(?:prompt|completion)\.(?:\d+|variable|variables)\."
    r"|llm\.(?:input_messages|output_messages|prompts|completions|choices|tools|request\.functions)\."
    # LiteLLM's copies of the request and the answer: llm.openai.messages
    r"|llm\.(?!token_count|usage|cost)[^.]+\.(?:messages|content|contents|choices|candidates|input|output|prompt|system|instructions|tools|data)$"
    r"|(?:retrieval\.documents|reranker\.input_documents|reranker\.output_documents|embedding\.embeddings)\."
    r"|traceloop\.prompt\.template_variables\."
)
_HARMLESS: Final = (".role", ".finish_reason")

_RESPONSE_ID: Final = re.compile(r"\b(chatcmpl-[\w-]{6,}|resp_\w{6,}|msg_\w{6,})")
"""OpenInference has the id of the answer nowhere but in `output.value`; the collector tells duplicates by it."""
_ID_WITHIN: Final = 20_000


@lru_cache(maxsize=4096)
def is_content(name: str) -> bool:
    """Whether the attribute of this name holds a prompt, an answer, a tool's description, arguments or result."""
    return name in _NAMES or (_PATTERN.match(name) is not None and not name.endswith(_HARMLESS))


def content_of(span: ReadableSpan) -> dict[str, Any]:
    """The content attributes of a span and of its events; empty for most spans."""
    found = {name: value for name, value in attributes_of(span).items() if is_content(name)}
    for event in events_of(span):
        for name, value in (event.attributes or {}).items():
            if is_content(name):
                found.setdefault(name, value)
    return found


def attributes_of(span: ReadableSpan) -> Mapping[str, Any]:
    """The attributes as they are: `span.attributes` makes a proxy at each access."""
    return getattr(span, "_attributes", None) or {}


def events_of(span: ReadableSpan) -> Sequence[Event]:
    """The events as they are, likewise."""
    return getattr(span, "_events", ())


def without_content(span: ReadableSpan) -> ReadableSpan:
    """A copy without content. The span itself stays as it is: other exporters may send it."""
    attributes = attributes_of(span)
    kept = {name: value for name, value in attributes.items() if not is_content(name)}
    output = attributes.get("output.value")
    if isinstance(output, str) and a.RESPONSE_ID not in kept and (found := _RESPONSE_ID.search(output[:_ID_WITHIN])):
        kept[a.RESPONSE_ID] = found[1]
    return copy_of(span, kept, silent=True)


def copy_of(span: ReadableSpan, attributes: dict[str, Any], *, silent: bool) -> ReadableSpan:
    """A copy with these attributes and the same events; those without content, if it is to be silent."""
    events: Any = events_of(span)
    if silent and any(map(_tells, events)):
        kept: Any = cast("Any", BoundedList)(max(1, len(events)))
        kept.extend([_silent(event) for event in events])
        kept.dropped = getattr(events, "dropped", 0)
        events = kept
    bounded: Any = BoundedAttributes(attributes=None, immutable=False)
    # Its own way in cleans each value, which was done when the span took it.
    bounded._dict.update(attributes)
    bounded.dropped = getattr(attributes_of(span), "dropped", 0)
    return ReadableSpan(
        name=span.name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes=bounded,
        events=events,
        links=getattr(span, "_links", ()),
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _tells(event: Event) -> bool:
    return any(map(is_content, event.attributes or ()))


def _silent(event: Event) -> Event:
    if not _tells(event):
        return event
    kept = {name: value for name, value in (event.attributes or {}).items() if not is_content(name)}
    return Event(event.name, kept, event.timestamp)
