"""Real client libraries against a provider on loopback: what is seen of a call, and what the provider gets to see."""

from typing import Any

import pytest

SECRET = "secret%40example.com"

SETUP = """
import logging, os
logging.basicConfig(format="%(name)s %(levelname)s %(message)s")
logging.getLogger("httpx").setLevel(logging.ERROR)
URL = os.environ["BREAKEVEN_ENDPOINT"]
import breakeven
from opentelemetry import baggage, context, trace
context.attach(baggage.set_baggage("user.email", "secret@example.com"))
"""
OPENAI = """
import openai
client = openai.OpenAI(api_key="k", base_url=URL + "/v1", max_retries=0)
def ask():
    return client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "private words"}])
"""
ANTHROPIC = """
import anthropic
client = anthropic.Anthropic(api_key="k", base_url=URL, max_retries=0)
def ask():
    return client.messages.create(
        model="claude-sonnet-4-5", max_tokens=9, messages=[{"role": "user", "content": "private words"}]
    )
"""
CALL = """
with breakeven.feature("ticket-triage", tenant="acme"), breakeven.task("classify"):
    ask()
"""
USED = ("breakeven.feature", "breakeven.task", "breakeven.tenant", "gen_ai.provider.name", "gen_ai.response.model",
        "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.cache_read.input_tokens")  # fmt: skip


def used(span: dict[str, Any]) -> dict[str, Any]:
    return {name: span["attributes"].get(name) for name in USED}


def assert_private(loopback: Any) -> None:
    """Nothing of the feature and no baggage went to the provider, and no content to the collector."""
    assert loopback.calls
    for call in loopback.calls:
        assert "baggage" not in call.headers
        for word in ("ticket-triage", "acme", "classify", "breakeven"):
            assert word not in str(call.headers) + call.body.decode()
    assert all(b"private words" not in export.body for export in loopback.exports)


def test_a_call_of_the_openai_client_is_seen_with_its_feature(run: Any, loopback: Any) -> None:
    pytest.importorskip("openai")
    pytest.importorskip("opentelemetry.instrumentation.genai.openai")
    ended = run(SETUP + OPENAI + "breakeven.init()\n" + CALL)
    assert ended.status == 0, ended.err
    (span,) = loopback.spans
    assert used(span) == {
        "breakeven.feature": "ticket-triage",
        "breakeven.task": "classify",
        "breakeven.tenant": "acme",
        "gen_ai.provider.name": "openai",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 200,
        "gen_ai.usage.cache_read.input_tokens": 600,
    }
    assert_private(loopback)


def test_a_call_of_the_anthropic_client_is_seen_once_through_its_own_span(run: Any, loopback: Any) -> None:
    pytest.importorskip("anthropic", "2")
    ended = run(SETUP + ANTHROPIC + "breakeven.init()\n" + CALL)
    assert ended.status == 0, ended.err
    (span,) = loopback.spans
    assert span["scope"] == "com.anthropic.sdk.python"
    assert used(span) == {
        "breakeven.feature": "ticket-triage",
        "breakeven.task": "classify",
        "breakeven.tenant": "acme",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.response.model": "claude-sonnet-4-5-20250929",
        "gen_ai.usage.input_tokens": 7100,
        "gen_ai.usage.output_tokens": 300,
        "gen_ai.usage.cache_read.input_tokens": 5000,
    }
    assert_private(loopback)


def test_where_the_anthropic_client_is_told_not_to_emit_its_instrumentation_is_used(run: Any, loopback: Any) -> None:
    pytest.importorskip("anthropic", "2")
    pytest.importorskip("opentelemetry.instrumentation.genai.anthropic")
    ended = run(SETUP + ANTHROPIC + "breakeven.init()\n" + CALL, ANTHROPIC_OPEN_TELEMETRY="false")
    assert ended.status == 0, ended.err
    (span,) = loopback.spans
    assert span["scope"] == "opentelemetry.instrumentation.genai.anthropic"
    assert used(span)["gen_ai.usage.input_tokens"] == 7100


def test_without_init_the_anthropic_client_does_send_baggage(run: Any, loopback: Any) -> None:
    """The leak that the gate is for is real; if this fails one day, the gate may go."""
    pytest.importorskip("anthropic", "2")
    ended = run(
        SETUP + ANTHROPIC + "from opentelemetry.sdk.trace import TracerProvider\n"
        "trace.set_tracer_provider(TracerProvider())\nask()\n"
    )
    assert ended.status == 0, ended.err
    assert [call.headers.get("baggage") for call in loopback.calls] == [f"user.email={SECRET}"]


def test_without_init_the_openai_client_under_an_instrumented_http_client_does_too(run: Any, loopback: Any) -> None:
    pytest.importorskip("openai")
    pytest.importorskip("opentelemetry.instrumentation.httpx")
    ended = run(
        SETUP + OPENAI + "from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor\n"
        "HTTPX2ClientInstrumentor().instrument()\nask()\n"
    )
    assert ended.status == 0, ended.err
    assert [call.headers.get("baggage") for call in loopback.calls] == [f"user.email={SECRET}"]


@pytest.mark.parametrize("client", [OPENAI, ANTHROPIC], ids=["openai", "anthropic"])
@pytest.mark.parametrize("sampler", ["always_on", "always_off"])
def test_baggage_stays_home_under_an_instrumented_http_client(
    run: Any, loopback: Any, client: str, sampler: str
) -> None:
    pytest.importorskip("openai")
    pytest.importorskip("anthropic", "2")
    pytest.importorskip("opentelemetry.instrumentation.httpx")
    ended = run(
        SETUP
        + """
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor
HTTPX2ClientInstrumentor().instrument()
breakeven.init()
"""
        + client
        + CALL,
        OTEL_TRACES_SAMPLER=sampler,
    )
    assert ended.status == 0, ended.err
    assert_private(loopback)
    assert bool(loopback.spans) is (sampler == "always_on")


def test_baggage_still_goes_to_ordinary_hosts_and_not_to_listed_ones(run: Any, loopback: Any) -> None:
    pytest.importorskip("opentelemetry.instrumentation.httpx")
    pytest.importorskip("opentelemetry.instrumentation.requests")
    program = (
        SETUP
        + """
import httpx, requests
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
HTTPXClientInstrumentor().instrument()
RequestsInstrumentor().instrument()
breakeven.init(llm_hosts=["127.0.*.1"] if os.environ.get("LISTED") else ())
with breakeven.feature("ticket-triage"):
    httpx.post(URL + "/orders")
    requests.post(URL + "/orders")
"""
    )
    assert run(program).status == 0
    assert [call.headers.get("baggage") for call in loopback.calls] == [f"user.email={SECRET}"] * 2
    assert all("traceparent" in call.headers and "ticket-triage" not in str(call.headers) for call in loopback.calls)
    loopback.requests.clear()
    assert run(program, LISTED="1").status == 0
    assert [call.headers.get("baggage") for call in loopback.calls] == [None, None]
    assert all("traceparent" in call.headers for call in loopback.calls)


def test_an_instrumentation_that_refuses_its_client_is_logged_and_skipped(run: Any, loopback: Any) -> None:
    """opentelemetry-instrumentation-google-genai 1.3b0 refuses google-genai 3."""
    pytest.importorskip("google.genai")
    pytest.importorskip("opentelemetry.instrumentation.google_genai")
    ended = run(SETUP + OPENAI + "breakeven.init()\n" + CALL)
    (line,) = ended.err.splitlines()
    assert line.startswith("breakeven WARNING opentelemetry-instrumentation-google-genai could not be turned on (")
    assert "google-genai" in line
    assert len(loopback.spans) == 1


def test_instrumentations_are_left_alone_when_asked(run: Any, loopback: Any) -> None:
    pytest.importorskip("openai")
    ended = run(SETUP + OPENAI + "breakeven.init(instrument=False)\n" + CALL)
    assert (ended.status, ended.err, loopback.spans) == (0, "", [])
