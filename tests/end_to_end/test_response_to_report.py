"""From a provider's response to the dollars of the report."""

import json
import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from genai_prices import Usage, calc_price

from tests.end_to_end.processes import CollectorProcess, by_name, run

OPENAI: dict[str, Any] = {
    **{"id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o-2024-08-06", "choices": []},
    "usage": {
        **{"prompt_tokens": 100_000, "completion_tokens": 20_000, "total_tokens": 120_000},
        **{"prompt_tokens_details": {"cached_tokens": 60_000}, "completion_tokens_details": {"reasoning_tokens": 0}},
    },
}
ANTHROPIC: dict[str, Any] = {
    **{"id": "msg_1", "type": "message", "model": "claude-opus-4-6", "content": []},
    "usage": {
        **{"input_tokens": 1000, "cache_creation_input_tokens": 20_000, "cache_read_input_tokens": 50_000},
        "cache_creation": {"ephemeral_5m_input_tokens": 5000, "ephemeral_1h_input_tokens": 15_000},
        **{"output_tokens": 3000, "server_tool_use": {"web_search_requests": 2}},
    },
}
GEMINI: dict[str, Any] = {
    **{"modelVersion": "gemini-2.5-flash", "responseId": "r1", "candidates": []},
    "usageMetadata": {
        **{"promptTokenCount": 30_000, "cachedContentTokenCount": 20_000, "toolUsePromptTokenCount": 500},
        **{"candidatesTokenCount": 50, "thoughtsTokenCount": 4000, "totalTokenCount": 34_550},
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 25_000}, {"modality": "AUDIO", "tokenCount": 5000}],
        "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 20_000}],
    },
}
OPENROUTER: dict[str, Any] = {
    **{"id": "gen-1", "object": "chat.completion", "model": "openai/gpt-4o", "choices": []},
    "usage": {"prompt_tokens": 10, "completion_tokens": 2, "cost": 0.000123},
}
CONVERSE: dict[str, Any] = {
    **{"output": {}, "stopReason": "end_turn", "metrics": {"latencyMs": 20}},
    "usage": {"inputTokens": 52_000, "outputTokens": 3600, "totalTokens": 55_600},
}
PROGRAM = """
import json, sys
import breakeven

breakeven.init()
for feature, (response, more) in json.loads(sys.argv[1]).items():
    breakeven.record(response=response, feature=feature, **more)
"""


def test_a_response_costs_what_its_provider_asks_for_it(running: CollectorProcess) -> None:
    nova = "amazon.nova-lite-v1:0"
    calls: dict[str, tuple[Any, dict[str, Any]]] = {
        "openai": (OPENAI, {}),
        "anthropic": (ANTHROPIC, {}),
        "gemini": (GEMINI, {}),
        "openrouter": (OPENROUTER, {}),
        "bedrock": (CONVERSE, {"model": nova}),
        "batch": ({"custom_id": "1", "response": {"body": {**OPENAI, "id": "chatcmpl-2"}}}, {}),
        "cut": ([{**OPENAI, "id": "chatcmpl-3", "object": "chat.completion.chunk", "usage": None}], {}),
    }
    ended = run(sys.executable, "-c", PROGRAM, json.dumps(calls), BREAKEVEN_ENDPOINT=running.url)
    assert (ended.status, ended.out) == (0, "")
    assert ended.err.count("tells no usage") == 1
    chat = Usage(input_tokens=100_000, cache_read_tokens=60_000, output_tokens=20_000)
    expected = {
        "openai": price("openai", "gpt-4o-2024-08-06", chat),
        "anthropic": price(
            "anthropic",
            "claude-opus-4-6",
            Usage(
                input_tokens=71_000,
                cache_read_tokens=50_000,
                cache_write_tokens=20_000,
                cache_write_5m_tokens=5000,
                cache_write_1h_tokens=15_000,
                output_tokens=3000,
                web_searches=2,
            ),
        ),
        "gemini": price(
            "google",
            "gemini-2.5-flash",
            Usage(
                input_tokens=30_500,
                cache_read_tokens=20_000,
                input_audio_tokens=5000,
                cache_audio_read_tokens=0,
                output_tokens=4050,
            ),
        ),
        "openrouter": Decimal("0.000123"),
        "bedrock": price("aws", nova, Usage(input_tokens=52_000, output_tokens=3600)),
        "batch": price("openai", "gpt-4o-2024-08-06", chat, processing="batch"),
        "cut": None,
    }
    report = by_name(running.report_of(len(calls)))
    costs = {feature: None if (usd := report[feature]["cost_usd"]) is None else Decimal(usd) for feature in calls}
    assert costs == expected


def price(provider: str, model: str, usage: Usage, **context: str) -> Decimal:
    calculated = calc_price(
        usage, model, provider_id=provider, genai_request_timestamp=datetime.now(UTC), price_context=context or None
    )
    return calculated.total_price
