"""What becomes of an ended span on its way out: which are estimated, what is stripped, and who is left alone."""

import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import breakeven
import pytest
from breakeven import _calls, _estimator, _tokens
from breakeven._content import is_content
from breakeven._outbox import Outbox
from breakeven.testing import raise_errors
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Status, StatusCode

MARKER = "private words"
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
USED = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 2}
SAID = {
    "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": MARKER}]}]),
    "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "Hello"}]}]),
}
ESTIMATED = {"breakeven.estimated.input_tokens": 9, "breakeven.estimated.output_tokens": 1}


class Pipeline:
    """Our outbox beside an exporter of the application."""

    def __init__(self, max_queue: int = 4096) -> None:
        self.sent: list[ReadableSpan] = []
        self.theirs = InMemorySpanExporter()
        self.outbox = Outbox(lambda: self, delay_s=0.01, max_queue=max_queue, max_batch=64)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(breakeven.FeatureSpanProcessor())
        provider.add_span_processor(self.outbox)
        provider.add_span_processor(SimpleSpanProcessor(self.theirs))
        self.tracer = provider.get_tracer("t")

    def send(self, spans: list[ReadableSpan]) -> bool:
        self.sent += spans
        return True

    def close(self) -> None:
        pass

    def end(self, attributes: dict[str, Any], status: Status | None = None) -> dict[str, Any]:
        """One span with these attributes: what is sent of them."""
        span = self.tracer.start_span("s", attributes=attributes)
        if status is not None:
            span.set_status(status)
        span.end()
        assert self.outbox.flush(20)
        sent = dict(self.sent[-1].attributes or {})
        return {name: value for name, value in sent.items() if not name.startswith("breakeven.seq")}


@pytest.fixture
def pipeline() -> Iterator[Pipeline]:
    with raise_errors():
        pipeline = Pipeline()
        yield pipeline
        pipeline.outbox.shutdown()


def test_a_call_without_usage_is_estimated_and_its_content_stays_here(pipeline: Pipeline) -> None:
    assert pipeline.end(CHAT | SAID) == CHAT | ESTIMATED
    (theirs,) = pipeline.theirs.get_finished_spans()
    assert theirs.attributes is not None
    assert {**theirs.attributes}.items() >= SAID.items()
    assert not any("estimated" in name for name in theirs.attributes)


@pytest.mark.parametrize("usage", [{"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0},
                                   {"gen_ai.usage.input_tokens": 10}])  # fmt: skip
def test_zero_and_half_a_usage_are_no_usage(pipeline: Pipeline, usage: dict[str, int]) -> None:
    assert pipeline.end(CHAT | usage | SAID) == CHAT | usage | ESTIMATED


def test_a_stream_that_did_not_finish_is_estimated_though_it_says_how_it_began(pipeline: Pipeline) -> None:
    for _ in range(_estimator.SAMPLE_FIRST):
        pipeline.end(CHAT | USED | SAID)
    stream = CHAT | USED | {"gen_ai.request.stream": True}
    finished = stream | {"gen_ai.response.finish_reasons": ("stop",)}
    assert pipeline.end(finished | SAID) == finished
    assert pipeline.end(stream | SAID) == stream | ESTIMATED


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "gpt-4o"},
        {"gen_ai.operation.name": "execute_tool"},
        {"openinference.span.kind": "CHAIN", "llm.model_name": "gpt-4o"},
        {"traceloop.span.kind": "workflow"},
        {"breakeven.wrapper": True, **CHAT},
        {"http.request.method": "POST"},
        CHAT | {"error.type": "openai.RateLimitError"},
        CHAT | {"error.type": "401"},
        CHAT | {"error.type": "x", "http.response.status_code": 400},
    ],
)
def test_what_is_no_call_or_was_refused_gets_no_estimate(pipeline: Pipeline, attributes: dict[str, Any]) -> None:
    assert pipeline.end(attributes | SAID) == attributes


@pytest.mark.parametrize("code", [400, 401, 403, 404, 413, 422, 429])
def test_a_refusal_told_in_words_only_gets_none_either(pipeline: Pipeline, code: int) -> None:
    status = Status(StatusCode.ERROR, f"Error code: {code} - {{'error': …}}")
    assert pipeline.end(CHAT | SAID, status) == CHAT


def test_a_call_lost_after_dispatch_is_estimated(pipeline: Pipeline) -> None:
    status = Status(StatusCode.ERROR, "Request timed out.")
    lost = CHAT | {"error.type": "openai.APITimeoutError"}
    assert pipeline.end(lost | SAID, status) == lost | ESTIMATED


def test_of_calls_with_usage_the_first_are_estimated_and_then_few(pipeline: Pipeline) -> None:
    for feature in ("a", "b"):
        with breakeven.feature(feature):
            for _ in range(150):
                pipeline.tracer.start_span("s", attributes=CHAT | USED | SAID).end()
    assert pipeline.outbox.flush(20)
    for feature in ("a", "b"):
        of = [
            span.attributes or {} for span in pipeline.sent if (span.attributes or {})["breakeven.feature"] == feature
        ]
        estimated = [n for n, each in enumerate(of, 1) if "breakeven.estimated.input_tokens" in each]
        assert estimated == [*range(1, 21), 50, 100, 150]
        assert not any(name in each for each in of for name in SAID)


def test_a_feature_that_opted_in_sends_content_and_so_do_features_inside_it(pipeline: Pipeline) -> None:
    with breakeven.feature("outer", capture=True):
        payload = breakeven.carrier()
        with breakeven.feature("inner", own_bill=True):
            sent = pipeline.end(CHAT | SAID)
    assert sent.items() >= (CHAT | SAID | ESTIMATED | {"breakeven.capture": True, "breakeven.feature": "inner"}).items()
    with breakeven.attach(payload):
        assert pipeline.end(CHAT | SAID).items() >= SAID.items()
    with breakeven.feature("other"):
        assert not SAID.keys() & pipeline.end(CHAT | SAID).keys()


EVENTS = [
    ("gen_ai.client.inference.operation.details", SAID | {"gen_ai.request.model": "gpt-4o"}),
    ("gen_ai.content.prompt", {"gen_ai.prompt": MARKER}),
    ("gen_ai.content.completion", {"gen_ai.completion": MARKER}),
    ("exception", {"exception.type": "KeyError", "exception.message": "kept"}),
]


def test_events_lose_their_content_and_nothing_else(pipeline: Pipeline) -> None:
    with pipeline.tracer.start_as_current_span("s", attributes=CHAT | USED) as span:
        for name, attributes in EVENTS:
            span.add_event(name, attributes)
    assert pipeline.outbox.flush(20)
    assert [(event.name, dict(event.attributes or {})) for event in pipeline.sent[0].events] == [
        ("gen_ai.client.inference.operation.details", {"gen_ai.request.model": "gpt-4o"}),
        ("gen_ai.content.prompt", {}),
        ("gen_ai.content.completion", {}),
        EVENTS[3],
    ]
    (theirs,) = pipeline.theirs.get_finished_spans()
    assert [(event.name, dict(event.attributes or {})) for event in theirs.events] == EVENTS


def test_a_span_without_content_goes_out_as_it_is(pipeline: Pipeline) -> None:
    pipeline.end(CHAT | USED)
    (theirs,) = pipeline.theirs.get_finished_spans()
    assert pipeline.sent[0].context == theirs.context
    assert pipeline.sent[0].to_json() == theirs.to_json()


def test_a_stripped_span_is_the_same_but_for_content(pipeline: Pipeline) -> None:
    with pipeline.tracer.start_as_current_span("parent"):
        pipeline.end(CHAT | USED | SAID, Status(StatusCode.ERROR, "why"))
    sent, theirs = (json.loads(spans[0].to_json()) for spans in (pipeline.sent, pipeline.theirs.get_finished_spans()))
    for name in SAID:
        del theirs["attributes"][name]
    for name in ESTIMATED:
        del sent["attributes"][name]
    assert sent == theirs


def test_the_id_of_the_answer_is_saved_from_openinference_s_output(pipeline: Pipeline) -> None:
    output = json.dumps({"id": "chatcmpl-AbC123-x", "choices": [{"message": {"content": MARKER}}]})
    sent = pipeline.end({"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o", "output.value": output})
    assert sent["gen_ai.response.id"] == "chatcmpl-AbC123-x"
    assert MARKER not in str(sent)


@pytest.mark.parametrize(
    "name",
    ["gen_ai.prompt.0.content", "gen_ai.completion.11.tool_calls.0.arguments", "llm.input_messages.3.message.content",
     "llm.openai.messages", "llm.anthropic.content", "input.value", "traceloop.entity.output", "request_data",
     "pydantic_ai.all_messages", "langfuse.observation.input", "embedding.embeddings.0.embedding.text",
     "retrieval.documents.0.document.content", "gen_ai.tool.call.result", "gen_ai.prompt.variable.question"],
)  # fmt: skip
def test_content_is_known_in_every_dialect(name: str) -> None:
    assert is_content(name)


@pytest.mark.parametrize(
    "name",
    ["gen_ai.prompt.name", "gen_ai.prompt.version", "gen_ai.completion.0.finish_reason", "gen_ai.usage.input_tokens",
     "llm.token_count.prompt", "llm.openai.usage", "llm.openai.id", "llm.model_name", "gen_ai.response.id", "metadata",
     "gen_ai.usage.raw", "langfuse.observation.usage_details", "metadata.usage_object", "exception.message", "feature",
     "gen_ai.tool.name", "gen_ai.input.count", "llm.cost.prompt", "llm.usage.completion_tokens"],
)  # fmt: skip
def test_what_the_collector_reads_is_not_content(name: str) -> None:
    assert not is_content(name)


def test_no_attribute_that_the_collector_s_sql_names_is_dropped() -> None:
    files = (Path(__file__).parents[2] / "schema").rglob("*.sql")
    named = {name for file in files for name in re.findall(r"'([a-z_]+(?:\.\w+)+)'", file.read_text())}
    assert len(named) > 50
    # The id inside it goes out as gen_ai.response.id.
    assert {name for name in named if is_content(name)} <= {"output.value"}


HUGE = {
    "10 MB": "the quick brown fox " * 500_000,
    "a million spaces": " " * 1_000_000,
    "special": "<|endoftext|>" * 100_000,
    "surrogates": "\ud800\udfff" * 100_000,
    "10 MB of JSON": json.dumps([{"role": "user", "content": "the quick brown fox "}] * 250_000),
    "deep JSON": "[" * 100_000,
}


def calls_made(work: Callable[[], object]) -> list[str]:
    """The functions that this thread calls while it works, those written in C among them."""
    made: list[str] = []

    def note(frame: Any, event: str, argument: Any) -> None:
        if event == "call":
            made.append(frame.f_code.co_name)
        elif event == "c_call":
            made.append(argument.__name__)

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return made


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE)
def test_content_of_any_size_holds_up_nobody(pipeline: Pipeline, text: str) -> None:
    pipeline.end(CHAT | SAID)  # tiktoken is loaded
    made: list[list[str]] = []
    for content in ("short", text):
        span = pipeline.tracer.start_span("s", attributes=CHAT)
        span.set_attribute("gen_ai.input.messages", content)
        made.append(calls_made(span.end))
        assert pipeline.outbox.flush(20)
    # Whoever ends the span does much the same for any length, and reads none of it: the outbox's thread does.
    assert abs(len(made[1]) - len(made[0])) < 50
    assert not {"loads", "scan_once", "encode", "encode_ordinary", "findall", "finditer"} & {*made[1]}
    attributes: Any = pipeline.sent[-1].attributes
    assert attributes["breakeven.estimated.input_tokens"] > 1000 or text == HUGE["deep JSON"]


def test_a_million_messages_of_a_call_hold_up_nobody(pipeline: Pipeline) -> None:
    made: list[list[str]] = []
    for messages in (30_000, 1_000_000):
        call = _calls.Call([{"role": "user", "content": "hi"}] * messages)
        token = _calls.current.set(call)
        span = pipeline.tracer.start_span("s", attributes=CHAT)
        _calls.current.reset(token)
        made.append(calls_made(span.end))
        assert pipeline.outbox.flush(20)
    assert abs(len(made[1]) - len(made[0])) < 1000
    assert (pipeline.sent[-1].attributes or {})["breakeven.estimated.incomplete"] is True


def test_content_waiting_to_be_counted_has_a_limit(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_estimator, "MAX_HELD_CHARS", 1000)
    released = threading.Event()

    def wait(_spans: object) -> bool:
        return released.wait(10)

    monkeypatch.setattr(pipeline, "send", wait)
    pipeline.tracer.start_span("s").end()
    time.sleep(0.1)  # the outbox's thread is busy sending
    monkeypatch.undo()
    monkeypatch.setattr(_estimator, "MAX_HELD_CHARS", 1000)
    for _ in range(20):
        pipeline.tracer.start_span("s", attributes=CHAT | SAID).end()
    released.set()
    assert pipeline.outbox.flush(20)
    size = sum(map(len, SAID.values()))
    estimated = [span for span in pipeline.sent if "breakeven.estimated.input_tokens" in (span.attributes or {})]
    assert len(estimated) == 1000 // size
    assert pipeline.outbox._estimator._held_chars == 0  # pyright: ignore[reportPrivateUsage]


def test_the_worker_spends_a_little_of_one_core_and_no_more(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_estimator, "CPU_BURST_S", 0.05)
    monkeypatch.setattr(_estimator, "CPU_SHARE", 0.0)
    pipeline.end(CHAT | SAID)  # tiktoken is loaded
    budget: Any = pipeline.outbox._estimator._budget  # pyright: ignore[reportPrivateUsage]
    budget._left_s = 0.05
    count, counted = _tokens.count, list[int]()

    def counting(text: str, encoding: str) -> int | None:
        counted.append(len(text))
        return count(text, encoding)

    monkeypatch.setattr(_tokens, "count", counting)
    said = {"gen_ai.input.messages": "some words of a prompt, one as long as the other. " * 4_000}
    for _ in range(40):
        pipeline.tracer.start_span("s", attributes=CHAT | said).end()
    with breakeven.feature("sampled"):
        pipeline.tracer.start_span("s", attributes=CHAT | USED | said).end()
    assert pipeline.outbox.flush(20)
    assert 0 < sum(counted) < 41 * len(said["gen_ai.input.messages"]) / 2
    *missing, sampled = [(span.attributes or {}).get("breakeven.estimated.input_tokens") for span in pipeline.sent[1:]]
    assert sampled is None
    assert missing[-1] == pytest.approx(missing[0], rel=0.05)
    assert len(missing) == 40


def test_the_application_s_completion_hook_is_called_as_before(pipeline: Pipeline) -> None:
    heard: list[dict[str, Any]] = []

    class Theirs:
        def on_completion(self, **content: Any) -> None:
            heard.append(content)

    given: dict[str, Any] = {
        "inputs": [],
        "outputs": [],
        "system_instruction": [],
        "tool_definitions": None,
        "log_record": None,
    }
    span = pipeline.tracer.start_span("s", attributes=CHAT)
    _calls.CompletionHook(Theirs()).on_completion(span=span, **given)
    span.end()
    assert heard == [given | {"span": span}]
    assert _calls._pending == {}  # pyright: ignore[reportPrivateUsage]


class Panic(BaseException):
    """As pyo3's, which is no Exception."""


def test_a_panic_loses_no_span_and_does_not_end_the_outbox(monkeypatch: pytest.MonkeyPatch) -> None:
    def panic(*_args: object, **_kwargs: object) -> None:
        raise Panic

    pipeline = Pipeline()
    monkeypatch.setattr(_estimator, "estimate", panic)
    assert [pipeline.end(CHAT | SAID) for _ in range(2)] == [CHAT, CHAT]
    pipeline.outbox.shutdown()


def test_an_error_of_ours_loses_no_span_and_lets_no_content_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise ValueError

    pipeline = Pipeline()
    monkeypatch.setattr(_estimator, "content_of", fail)
    assert pipeline.end(CHAT | SAID) == CHAT
    pipeline.outbox.shutdown()
