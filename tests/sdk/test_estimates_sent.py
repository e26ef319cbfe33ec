"""Real clients and instrumentations: calls whose usage stays unknown arrive with an estimate and without a word said."""

from typing import Any

import pytest

pytest.importorskip("openai")
pytest.importorskip("opentelemetry.instrumentation.genai.openai")

MARKER = b"private words"
SETUP = """
import json, logging, os, time
logging.basicConfig(format="%(name)s %(levelname)s %(message)s")
logging.getLogger("httpx").setLevel(logging.ERROR)
URL = os.environ["BREAKEVEN_ENDPOINT"]
import breakeven
"""
OWN_PROVIDER = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
theirs = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(theirs))
trace.set_tracer_provider(provider)
"""
SHOW = """
(span,) = theirs.get_finished_spans()
print("private words" in span.to_json(), "estimated" in span.to_json())
"""
CLIENT = """
import openai
ASK = dict(model="gpt-4o", messages=[{"role": "user", "content": "private words"}])
client = openai.OpenAI(api_key="k", base_url=URL + "/v1", max_retries=0, timeout=2)
def early():
    with client.chat.completions.create(stream=True, **ASK) as stream:
        next(stream), next(stream)
def whole():
    list(client.chat.completions.create(stream=True, **ASK))
def plain():
    client.chat.completions.create(**ASK)
"""
INIT = SETUP + "breakeven.init()\n" + CLIENT
GENAI = "from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor; OpenAIInstrumentor().instrument()\n"
TRACELOOP = "from opentelemetry.instrumentation.openai import OpenAIInstrumentor; OpenAIInstrumentor().instrument()\n"
OPENINFERENCE = (
    "from openinference.instrumentation.openai import OpenAIInstrumentor; OpenAIInstrumentor().instrument()\n"
)


def estimates(loopback: Any) -> list[tuple[Any, Any]]:
    """Estimated tokens in and out of each span that arrived, no content having arrived with any."""
    assert all(MARKER not in export.body and b"Hello" not in export.body for export in loopback.exports)
    return estimates_with_content(loopback)


def estimates_with_content(loopback: Any) -> list[tuple[Any, Any]]:
    names = ("breakeven.estimated.input_tokens", "breakeven.estimated.output_tokens")
    return [(span["attributes"].get(names[0]), span["attributes"].get(names[1])) for span in loopback.spans]


def usage(loopback: Any) -> list[Any]:
    return [span["attributes"].get("gen_ai.usage.input_tokens") for span in loopback.spans]


def test_a_stream_closed_early_is_estimated_from_what_came(run: Any, loopback: Any) -> None:
    ended = run(INIT + "early()")
    assert (ended.status, ended.err) == (0, "")
    assert (usage(loopback), estimates(loopback)) == ([None], [(9, 1)])


def test_so_is_one_of_the_asynchronous_client(run: Any, loopback: Any) -> None:
    ended = run(
        INIT
        + """
import asyncio
async def main():
    client = openai.AsyncOpenAI(api_key="k", base_url=URL + "/v1", max_retries=0)
    async with await client.chat.completions.create(stream=True, **ASK) as stream:
        await anext(stream), await anext(stream)
    async with client.chat.completions.stream(**ASK) as stream:
        await anext(stream)
asyncio.run(main())
"""
    )
    assert (ended.status, ended.err) == (0, "")
    assert usage(loopback) == [None, None]
    assert [asked for asked, _ in estimates(loopback)] == [9, 9]


def test_a_server_that_ignores_the_question_is_estimated(run: Any, loopback: Any) -> None:
    loopback.knows_stream_options = None
    ended = run(INIT + "whole()")
    assert (ended.status, ended.err) == (0, "")
    assert (usage(loopback), estimates(loopback)) == ([None], [(9, 1)])


def test_so_is_one_that_refuses_it_and_its_refusal_is_not(run: Any, loopback: Any) -> None:
    loopback.knows_stream_options = False
    ended = run(INIT + "whole()")
    assert ended.status == 0, ended.err
    assert (usage(loopback), estimates(loopback)) == ([None, None], [(None, None), (9, 1)])


def test_a_timeout_is_estimated_by_its_question(run: Any, loopback: Any) -> None:
    loopback.delay_s = 1.0
    ended = run(
        INIT
        + """
try:
    client.with_options(timeout=0.3).chat.completions.create(**ASK)
except openai.APITimeoutError:
    print("late")
"""
    )
    assert (ended.status, ended.out) == (0, "late\n")
    assert estimates(loopback) == [(9, None)]


def test_calls_with_usage_are_estimated_in_samples(run: Any, loopback: Any) -> None:
    ended = run(INIT + "whole(), plain()")
    assert (ended.status, ended.err) == (0, "")
    assert (usage(loopback), estimates(loopback)) == ([1000, 1000], [(9, 1), (9, 1)])


def test_content_is_sent_where_the_feature_opted_in(run: Any, loopback: Any) -> None:
    ended = run(
        INIT
        + """
with breakeven.feature("careful"):
    plain()
breakeven.flush()
with breakeven.feature("open", capture=True):
    plain()
"""
    )
    assert (ended.status, ended.err) == (0, "")
    assert [MARKER in export.body for export in loopback.exports] == [False, True]
    careful, opened = (span["attributes"] for span in loopback.spans)
    assert "breakeven.capture" not in careful
    assert opened["breakeven.capture"] is True
    assert (
        opened["gen_ai.input.messages"]
        == '[{"role":"user","parts":[{"content":"private words","type":"text"}],"name":null}]'
    )
    assert "Hello" in opened["gen_ai.output.messages"]
    assert estimates_with_content(loopback) == [(9, 1), (9, 1)]


@pytest.mark.parametrize(
    ("instrumentation", "module"),
    [(TRACELOOP, "opentelemetry.instrumentation.openai"), (OPENINFERENCE, "openinference.instrumentation.openai")],
    ids=["Traceloop", "OpenInference"],
)
@pytest.mark.parametrize("call", ["plain()", "whole()", "early()"])
def test_an_exporter_of_the_application_keeps_its_content(
    run: Any, loopback: Any, instrumentation: str, module: str, call: str
) -> None:
    pytest.importorskip(module)
    ended = run(
        SETUP + OWN_PROVIDER + instrumentation + "breakeven.init(instrument=False)\n" + CLIENT + call + "\n"
        "import gc; gc.collect()\n" + SHOW
    )
    assert (ended.status, ended.out) == (0, "True False\n")
    ((asked, _),) = estimates(loopback)
    assert asked == 9
    assert all(
        any("usage" in name or "token_count" in name for name in span["attributes"]) for span in loopback.spans
    ) or (call == "early()")


def test_our_instrumentation_puts_no_content_into_the_application_s_exporter(run: Any, loopback: Any) -> None:
    ended = run(SETUP + OWN_PROVIDER + "breakeven.init()\n" + CLIENT + "early()\n" + SHOW)
    assert (ended.status, ended.out, ended.err) == (0, "False False\n", "")
    assert estimates(loopback) == [(9, 1)]


def test_content_that_the_application_itself_turned_on_is_its_own(run: Any, loopback: Any) -> None:
    ended = run(
        SETUP + OWN_PROVIDER + "breakeven.init()\n" + CLIENT + "early()\n" + SHOW,
        OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="SPAN_ONLY",
    )
    assert (ended.status, ended.out, ended.err) == (0, "True False\n", "")
    assert estimates(loopback) == [(9, 1)]


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize(
    ("instrumentation", "module"),
    [(GENAI, "opentelemetry.instrumentation.genai.openai"), (TRACELOOP, "opentelemetry.instrumentation.openai")],
    ids=["genai-openai", "Traceloop"],
)
def test_an_instrumentation_that_captures_nothing_is_estimated_too(
    run: Any, loopback: Any, order: str, instrumentation: str, module: str
) -> None:
    pytest.importorskip(module)
    init = "breakeven.init(instrument=False)\n"
    steps = instrumentation + init if order == "before" else init + instrumentation
    ended = run(SETUP + steps + CLIENT + "early()\nimport gc; gc.collect()\n", TRACELOOP_TRACE_CONTENT="false")
    assert ended.status == 0, ended.err
    assert (usage(loopback), estimates(loopback)) == ([None], [(9, 1)])


def test_without_tiktoken_spans_are_sent_without_estimates(run: Any, loopback: Any) -> None:
    ended = run("import sys; sys.modules['tiktoken'] = None\n" + INIT + "early(), whole()")
    assert ended.status == 0
    (line,) = ended.err.splitlines()
    assert line.startswith("breakeven WARNING tiktoken cannot be used (")
    assert estimates(loopback) == [(None, None), (None, None)]


def test_tiktoken_is_not_loaded_before_it_is_needed(run: Any, loopback: Any) -> None:
    ended = run(INIT + "import sys; print('tiktoken' in sys.modules)\n")
    assert (ended.status, ended.out, ended.err) == (0, "False\n", "")


def test_the_environment_of_the_application_stays_as_it_was(run: Any, loopback: Any) -> None:
    ended = run("import os; before = dict(os.environ)\n" + INIT + "early()\nprint(dict(os.environ) == before)\n")
    assert (ended.status, ended.out, ended.err) == (0, "True\n", "")


def test_a_long_prompt_holds_up_no_call(run: Any, loopback: Any) -> None:
    """Counting ten megabytes is left to a thread of its own."""
    ended = run(
        INIT
        + """
import threading
from breakeven import _tokens
count, threads = _tokens.count, set()
def counts(text, encoding):
    threads.add(threading.current_thread().name)
    return count(text, encoding)
_tokens.count = counts
content = "the quick brown fox " * 500_000
client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": content}])
breakeven.flush(20)
print(sorted(threads))
"""
    )
    assert (ended.status, ended.out) == (0, "['breakeven-outbox']\n"), ended.err
    assert estimates(loopback)[-1][0] > 1_900_000
