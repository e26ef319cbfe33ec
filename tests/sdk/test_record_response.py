"""From what a real client hands to the application to the span."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import anthropic
import breakeven
import openai
import pytest
from breakeven import _guard
from breakeven.testing import captured_spans, raise_errors

from tests.sdk.conftest import CHAT, MESSAGE, Loopback


@pytest.fixture(autouse=True)
def errors_are_raised() -> Iterator[None]:
    with raise_errors():
        yield


def recorded(**call: Any) -> dict[str, Any]:
    """The attributes of the span, without what is random."""
    with captured_spans() as spans:
        breakeven.record(**call)
    (span,) = spans
    random = ("breakeven.run", "breakeven.seq", "breakeven.seq.source")
    return {name: value for name, value in (span.attributes or {}).items() if name not in random}


OPENAI = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 200,
    "gen_ai.usage.cache_read.input_tokens": 600,
}


def test_what_the_client_of_openai_returns_is_recorded(loopback: Loopback) -> None:
    client = openai.OpenAI(base_url=f"{loopback.url}/v1", api_key="k")
    response = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hi"}])
    with breakeven.feature("triage"):
        assert recorded(response=response) == {**OPENAI, "breakeven.feature": "triage"}


def test_what_the_client_of_anthropic_returns_is_recorded(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    more = {"cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 1500}, "speed": "fast"}
    usage: Any = MESSAGE["usage"]
    monkeypatch.setitem(MESSAGE, "usage", {**usage, **more})
    client = anthropic.Anthropic(base_url=loopback.url, api_key="k")
    response = client.messages.create(
        model="claude-opus-4-6", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]
    )
    assert recorded(response=response) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.response.model": "claude-sonnet-4-5-20250929",
        "gen_ai.response.id": "msg_1",
        "anthropic.response.speed": "fast",
        "gen_ai.usage.input_tokens": 7100,
        "gen_ai.usage.output_tokens": 300,
        "gen_ai.usage.cache_read.input_tokens": 5000,
        "gen_ai.usage.cache_write.input_tokens": 2000,
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 1500,
    }


def test_all_that_a_response_tells_gets_onto_the_span() -> None:
    with captured_spans() as spans:
        response: dict[str, Any] = {
            **{"id": "gen-1", "object": "chat.completion", "model": "openai/gpt-4o-audio", "choices": []},
            "service_tier": "priority",
            "usage": {
                **{"prompt_tokens": 900, "completion_tokens": 100, "cost": 1e-7},
                "prompt_tokens_details": {"audio_tokens": 30, "image_tokens": 258},
                "completion_tokens_details": {"reasoning_tokens": 10, "audio_tokens": 20, "image_tokens": 40},
                "server_tool_use": {"web_search_requests": 2},
            },
        }
        breakeven.record(response=response)
        breakeven.record(
            response={
                **{"model": "llama3.2", "done": True, "response": "Hi", "total_duration": 1_500_000_000},
                **{"prompt_eval_count": 5, "eval_count": 2},
            }
        )
    first, second = spans
    assert {name: value for name, value in (first.attributes or {}).items() if ".seq" not in name} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openrouter",
        "gen_ai.response.model": "openai/gpt-4o-audio",
        "gen_ai.response.id": "gen-1",
        "openai.response.service_tier": "priority",
        "gen_ai.usage.cost.amount": "0.0000001",
        "gen_ai.usage.input_tokens": 900,
        "gen_ai.usage.output_tokens": 100,
        "gen_ai.usage.reasoning.output_tokens": 10,
        "gen_ai.usage.audio.input_tokens": 30,
        "gen_ai.usage.audio.output_tokens": 20,
        "gen_ai.usage.image.input_tokens": 258,
        "gen_ai.usage.image.output_tokens": 40,
        "breakeven.meter.web_search": 2,
    }
    assert first.name == "chat openai/gpt-4o-audio"
    assert second.name == "text_completion llama3.2"
    assert (second.end_time or 0) - (second.start_time or 0) == 1_500_000_000


def test_what_is_passed_wins_over_what_the_response_says() -> None:
    search = {"type": "web_search_call"}
    response = {
        **{"id": "resp_1", "object": "response", "model": "gpt-5", "service_tier": "default"},
        **{"output": [search, search, {"type": "code_interpreter_call"}]},
        "usage": {"input_tokens": 10, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 4}},
    }
    assert recorded(
        response=response,
        provider="azure.ai.openai",
        model="our-deployment",
        operation="generate_content",
        input_tokens=0,
        cached_input_tokens=0,
        meters={"web_search": 1},
        cost_usd=Decimal("0.5"),
        response_id="other",
        service_tier="flex",
    ) == {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.provider.name": "azure.ai.openai",
        "gen_ai.request.model": "our-deployment",
        "gen_ai.response.model": "our-deployment",
        "gen_ai.response.id": "other",
        "openai.response.service_tier": "flex",
        "gen_ai.usage.cost.amount": "0.5",
        "gen_ai.usage.input_tokens": 0,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "breakeven.meter.web_search": 1,
        "breakeven.meter.code_execution": 1,
    }


def test_a_model_that_the_response_does_not_tell_is_passed_beside_it() -> None:
    converse = {"output": {}, "stopReason": "end_turn", "usage": {"inputTokens": 52, "outputTokens": 36}}
    assert recorded(response=converse, model="amazon.nova-lite-v1:0") == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": "amazon.nova-lite-v1:0",
        "gen_ai.response.model": "amazon.nova-lite-v1:0",
        "gen_ai.usage.input_tokens": 52,
        "gen_ai.usage.output_tokens": 36,
    }


PASSED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 7,
}


def test_an_unknown_response_leaves_what_was_passed(caplog: pytest.LogCaptureFixture) -> None:
    for response in (object(), (each for each in [CHAT]), {"error": {"message": "secret"}}):
        assert recorded(response=response, provider="openai", model="gpt-4o", input_tokens=7) == PASSED
    assert "secret" not in caplog.text


def test_a_response_that_breaks_when_read_leaves_what_was_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hostile(dict[str, Any]):
        def get(self, *_: Any) -> Any:
            raise RuntimeError("hostile")

    monkeypatch.setattr(_guard, "strict", False)
    assert recorded(response=Hostile(), provider="openai", model="gpt-4o", input_tokens=7) == PASSED


def test_absent_usage_and_an_unknown_biller_are_pointed_out_once(caplog: pytest.LogCaptureFixture) -> None:
    chunk: dict[str, Any] = {"id": "1", "object": "chat.completion.chunk", "model": "some-model", "choices": []}
    for _ in range(2):
        assert recorded(response=[chunk]) == {
            "gen_ai.operation.name": "chat",
            "gen_ai.response.model": "some-model",
            "gen_ai.response.id": "1",
        }
    assert [record.getMessage() for record in caplog.records] == [
        "record(response=…): a response of an unknown provider tells no usage; of a stream, ask for it "
        '(OpenAI: stream_options={"include_usage": True})',
        "record(…): neither the response nor provider= tells who is billed; pass provider=",
    ]
