"""Responses of Anthropic, Gemini, Bedrock, Cohere and Ollama, as their documentation has them."""

import json
from typing import Any

import pytest
from breakeven._usage import Usage, read_response


def message(usage: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    return {
        **{"id": "msg_01", "type": "message", "role": "assistant", "model": "claude-opus-4-6"},
        **{"content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn", "usage": usage},
        **more,
    }


def claude(**more: Any) -> Usage:
    model = {"provider": "anthropic", "model": "claude-opus-4-6", "response_id": "msg_01", "operation": "chat"}
    return usage_of(model, more)


def gemini(**more: Any) -> Usage:
    return usage_of(
        {
            **{"provider": "gcp.gemini", "model": "gemini-2.5-flash", "response_id": "r1"},
            "operation": "generate_content",
        },
        more,
    )


def bedrock(**more: Any) -> Usage:
    return usage_of({"provider": "aws.bedrock", "operation": "chat"}, more)


def usage_of(some: dict[str, Any], more: dict[str, Any]) -> Usage:
    return Usage(**{**some, **more})


OPUS = {
    **{"input_tokens": 100, "cache_creation_input_tokens": 2000, "cache_read_input_tokens": 5000, "output_tokens": 300},
    "cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 1500},
    "output_tokens_details": {"thinking_tokens": 120},
    "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1},
    **{"service_tier": "standard", "speed": "fast", "inference_geo": "us"},
}
OPUS_TOLD: dict[str, Any] = {
    **{"service_tier": "standard", "speed": "fast", "input_tokens": 7100, "output_tokens": 300},
    **{"cache_read_tokens": 5000, "cache_write_tokens": 2000, "cache_write_1h_tokens": 1500, "reasoning_tokens": 120},
    "meters": {"web_search": 2},
}

CASES: dict[str, tuple[Any, Usage]] = {
    "Anthropic": (message(OPUS), claude(**OPUS_TOLD)),
    "Anthropic of old": (
        message({"input_tokens": 12, "output_tokens": 6}),
        claude(input_tokens=12, output_tokens=6),
    ),
    "Anthropic with a compaction, which the totals leave out": (
        message(
            {
                **{"input_tokens": 45, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0},
                "output_tokens": 1234,
                "iterations": [
                    {
                        **{"type": "compaction", "input_tokens": 180000, "output_tokens": 3500},
                        **{"cache_read_input_tokens": 0, "cache_creation_input_tokens": 0},
                    },
                    {"type": "message", "input_tokens": 45, "output_tokens": 1234},
                ],
            }
        ),
        claude(input_tokens=180045, output_tokens=4734, cache_read_tokens=0, cache_write_tokens=0),
    ),
    "Anthropic on Bedrock": (
        message({"input_tokens": 12, "output_tokens": 6}, id="msg_bdrk_01"),
        claude(provider="aws.bedrock", response_id="msg_bdrk_01", input_tokens=12, output_tokens=6),
    ),
    "Anthropic on Vertex": (
        message({"input_tokens": 12, "output_tokens": 6}, id="msg_vrtx_01"),
        claude(provider="gcp.vertex_ai", response_id="msg_vrtx_01", input_tokens=12, output_tokens=6),
    ),
    "an imitation of Anthropic": (
        message({"input_tokens": 12, "output_tokens": 6}, model="kimi-k2"),
        claude(provider=None, model="kimi-k2", input_tokens=12, output_tokens=6),
    ),
    "a line of Anthropic's batch results": (
        {
            "custom_id": "row-1",
            "result": {
                "type": "succeeded",
                "message": message({"input_tokens": 12, "output_tokens": 6, "service_tier": "batch"}),
            },
        },
        claude(service_tier="batch", input_tokens=12, output_tokens=6),
    ),
    "Gemini": (
        {
            "candidates": [{"content": {"parts": [{"text": "Hi"}]}}],
            "usageMetadata": {
                **{"promptTokenCount": 3000, "cachedContentTokenCount": 2000, "candidatesTokenCount": 50},
                **{"thoughtsTokenCount": 400, "toolUsePromptTokenCount": 120, "totalTokenCount": 3570},
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 1000},
                    {"modality": "AUDIO", "tokenCount": 1484},
                    {"modality": "IMAGE", "tokenCount": 516},
                ],
                "cacheTokensDetails": [
                    {"modality": "AUDIO", "tokenCount": 1484},
                    {"modality": "IMAGE", "tokenCount": 258},
                    {"modality": "TEXT", "tokenCount": 258},
                ],
                "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 50}],
                "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 120}],
            },
            "modelVersion": "gemini-2.5-flash",
            "responseId": "r1",
        },
        gemini(
            input_tokens=3120,
            output_tokens=450,
            cache_read_tokens=2000,
            reasoning_tokens=400,
            audio_input_tokens=0,
            image_input_tokens=258,
        ),
    ),
    "Gemini with few thoughts": (
        {
            "usageMetadata": {
                **{"promptTokenCount": 5, "candidatesTokenCount": 100, "thoughtsTokenCount": 20},
                "totalTokenCount": 125,
            },
            "modelVersion": "gemini-2.5-flash",
            "responseId": "r1",
        },
        gemini(input_tokens=5, output_tokens=120, reasoning_tokens=20),
    ),
    "Gemini's image": (
        {
            "usageMetadata": {
                **{"promptTokenCount": 5, "candidatesTokenCount": 1295, "totalTokenCount": 1300},
                "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
            },
            "modelVersion": "gemini-2.5-flash",
            "responseId": "r1",
        },
        gemini(input_tokens=5, output_tokens=1295, image_output_tokens=1290),
    ),
    "Gemini, blocked": (
        {
            "promptFeedback": {"blockReason": "SAFETY"},
            "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5},
            "modelVersion": "gemini-2.5-flash",
            "responseId": "r1",
        },
        gemini(input_tokens=5, output_tokens=0),
    ),
    "Vertex with flex": (
        {
            "usage_metadata": {"prompt_token_count": 5, "candidates_token_count": 2, "traffic_type": "ON_DEMAND_FLEX"},
            "model_version": "gemini-2.5-flash",
            "response_id": "r1",
        },
        gemini(provider="gcp.vertex_ai", service_tier="flex", input_tokens=5, output_tokens=2),
    ),
    "Bedrock Converse with caches": (
        {
            "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}},
            "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
            "stopReason": "end_turn",
            "usage": {
                **{"inputTokens": 20, "outputTokens": 72, "totalTokens": 1592},
                **{"cacheReadInputTokens": 1000, "cacheWriteInputTokens": 500},
                "cacheDetails": [{"ttl": "1h", "inputTokens": 300}, {"ttl": "5m", "inputTokens": 200}],
            },
            "metrics": {"latencyMs": 2900},
            "serviceTier": {"type": "priority"},
            "trace": {
                "promptRouter": {"invokedModelId": "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"}
            },
        },
        bedrock(
            model="amazon.nova-pro-v1:0",
            service_tier="priority",
            input_tokens=1520,
            output_tokens=72,
            cache_read_tokens=1000,
            cache_write_tokens=500,
            cache_write_1h_tokens=300,
            duration_s=2.9,
        ),
    ),
    "Titan's text": (
        {"inputTextTokenCount": 28, "results": [{"tokenCount": 197, "outputText": "Hi", "completionReason": "FINISH"}]},
        bedrock(operation="text_completion", input_tokens=28, output_tokens=197),
    ),
    "Titan's embedding": (
        {"embedding": [0.1], "inputTextTokenCount": 7},
        bedrock(operation="embeddings", input_tokens=7),
    ),
    "Llama on Bedrock": (
        {"generation": "Hi", "prompt_token_count": 8, "generation_token_count": 35, "stop_reason": "stop"},
        bedrock(operation="text_completion", input_tokens=8, output_tokens=35),
    ),
    "InvokeModel's headers": (
        {
            "ResponseMetadata": {
                "HTTPHeaders": {
                    "x-amzn-bedrock-input-token-count": "4",
                    "x-amzn-bedrock-output-token-count": "50",
                    "x-amzn-bedrock-cache-read-input-token-count": "18131",
                    "x-amzn-bedrock-cache-write-input-token-count": "0",
                }
            },
            "contentType": "application/json",
            "body": object(),
        },
        bedrock(input_tokens=18135, output_tokens=50, cache_read_tokens=18131, cache_write_tokens=0),
    ),
    "Cohere v2": (
        {
            **{"id": "c1", "finish_reason": "COMPLETE", "message": {"role": "assistant", "content": []}},
            "usage": {
                "billed_units": {"input_tokens": 7.0, "output_tokens": 88.0},
                "tokens": {"input_tokens": 69.0, "output_tokens": 89.0},
                "cached_tokens": 64.0,
            },
        },
        Usage(
            provider="cohere",
            response_id="c1",
            operation="chat",
            input_tokens=7,
            output_tokens=88,
        ),
    ),
    "Cohere v2 without billed units": (
        {"id": "c1", "usage": {"tokens": {"input_tokens": 69, "output_tokens": 89}, "cached_tokens": 64}},
        Usage(
            provider="cohere",
            response_id="c1",
            operation="chat",
            input_tokens=69,
            output_tokens=89,
            cache_read_tokens=64,
        ),
    ),
    "Cohere v1": (
        {
            **{"response_id": "c2", "text": "Hi", "generation_id": "g"},
            "meta": {"api_version": {"version": "1"}, "billed_units": {"input_tokens": 58, "output_tokens": 119}},
        },
        Usage(provider="cohere", response_id="c2", operation="chat", input_tokens=58, output_tokens=119),
    ),
    "Cohere's embeddings of pictures": (
        {
            **{"id": "c3", "embeddings": {"float": [[0.1]]}, "response_type": "embeddings_by_type"},
            "meta": {"api_version": {"version": "2"}, "billed_units": {"image_tokens": 258, "images": 1}},
        },
        Usage(
            provider="cohere",
            response_id="c3",
            operation="embeddings",
            input_tokens=258,
            image_input_tokens=258,
            meters={"image": 1},
        ),
    ),
    "Cohere's reranking": (
        {"id": "c4", "results": [], "meta": {"billed_units": {"search_units": 2}}},
        Usage(provider="cohere", response_id="c4", operation="rerank", meters={"rerank_search": 2}),
    ),
    "Ollama": (
        {
            **{"model": "llama3.2", "created_at": "2026-01-01T00:00:00Z", "done": True, "done_reason": "stop"},
            **{"message": {"role": "assistant", "content": "Hi"}, "total_duration": 4883583458},
            **{"prompt_eval_count": 26, "prompt_eval_duration": 342546000, "eval_count": 282},
        },
        Usage(
            provider="ollama",
            model="llama3.2",
            operation="chat",
            input_tokens=26,
            output_tokens=282,
            duration_s=4.883583458,
        ),
    ),
    "Ollama's embeddings": (
        {"model": "all-minilm", "embeddings": [[0.1]], "total_duration": 14143917, "prompt_eval_count": 8},
        Usage(provider="ollama", model="all-minilm", operation="embeddings", input_tokens=8, duration_s=0.014143917),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_documented_response_is_read(case: str) -> None:
    response, usage = CASES[case]
    assert read_response(response) == usage


START: dict[str, Any] = {
    "type": "message_start",
    "message": message(
        {
            **{"input_tokens": 100, "cache_creation_input_tokens": 2000, "cache_read_input_tokens": 5000},
            "cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 1500},
            **{"output_tokens": 1, "service_tier": "standard"},
        }
    ),
}


def test_later_counts_of_an_anthropic_stream_replace_the_earlier_ones() -> None:
    events = [
        START,
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": 40}},
        {
            **{"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
            "usage": {"input_tokens": 9000, "output_tokens": 108, "server_tool_use": {"web_search_requests": 1}},
        },
        {"type": "message_stop"},
    ]
    assert read_response(events) == claude(
        service_tier="standard",
        input_tokens=16000,
        output_tokens=108,
        cache_read_tokens=5000,
        cache_write_tokens=2000,
        cache_write_1h_tokens=1500,
        meters={"web_search": 1},
    )
    assert START["message"]["usage"]["output_tokens"] == 1, "the application's own event was changed"


def test_an_anthropic_stream_without_a_cache_is_still_anthropics() -> None:
    events = [
        {"type": "message_start", "message": message({"input_tokens": 17, "output_tokens": 1})},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]
    assert read_response(events) == claude(input_tokens=17, output_tokens=9)


def test_an_anthropic_stream_that_broke_off_does_not_know_its_output() -> None:
    assert read_response([START]) == claude(
        service_tier="standard",
        input_tokens=7100,
        cache_read_tokens=5000,
        cache_write_tokens=2000,
        cache_write_1h_tokens=1500,
    )


def test_the_last_usage_of_a_gemini_stream_wins() -> None:
    def chunk(**usage: int) -> dict[str, Any]:
        return {"candidates": [{}], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash", "responseId": "r1"}

    first = chunk(promptTokenCount=8, candidatesTokenCount=10, thoughtsTokenCount=2027, totalTokenCount=2045)
    last = chunk(promptTokenCount=8, candidatesTokenCount=437, thoughtsTokenCount=2027, totalTokenCount=2472)
    assert read_response([first, last]) == gemini(input_tokens=8, output_tokens=2464, reasoning_tokens=2027)
    # Without alt=sse the wire has one JSON array.
    assert read_response(json.dumps([first, last])) == read_response([first, last])


def test_a_converse_stream_ends_in_its_metadata() -> None:
    events = [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"delta": {"text": "Hi"}, "contentBlockIndex": 0}},
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": {"inputTokens": 52, "outputTokens": 36}, "metrics": {"latencyMs": 638}}},
    ]
    assert read_response(events) == bedrock(input_tokens=52, output_tokens=36, duration_s=0.638)
    cut = read_response(events[:3])
    assert cut == bedrock()
    assert cut is not None
    assert cut.absent


def invoked(*bodies: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"chunk": {"bytes": json.dumps(body).encode()}} for body in bodies]


def test_the_chunks_of_an_invoke_model_stream_are_opened() -> None:
    metrics = {"inputTokenCount": 16, "outputTokenCount": 21, "invocationLatency": 738}
    start = {"type": "message_start", "message": message({"input_tokens": 16, "output_tokens": 1}, id="msg_bdrk_1")}
    delta = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 21}}
    stop = {"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics}
    assert read_response(invoked(start, delta, stop)) == claude(
        provider="aws.bedrock", response_id="msg_bdrk_1", input_tokens=16, output_tokens=21
    )
    llama = {"generation": "Hi", "prompt_token_count": 12, "generation_token_count": 1}
    rest = {"generation": "!", "prompt_token_count": None, "generation_token_count": 2}
    assert read_response(invoked(llama, {**rest, "amazon-bedrock-invocationMetrics": metrics})) == bedrock(
        operation="text_completion", input_tokens=16, output_tokens=21
    )
    assert read_response(invoked(llama, rest)) == bedrock(operation="text_completion", input_tokens=12, output_tokens=2)


def test_both_of_coheres_streams_end_in_their_usage() -> None:
    units = {"billed_units": {"input_tokens": 7, "output_tokens": 109}}
    v2 = [
        {"id": "c1", "type": "message-start", "delta": {"message": {"role": "assistant"}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hi"}}}},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": units}},
    ]
    v1 = [
        {"event_type": "stream-start", "generation_id": "g"},
        {"event_type": "text-generation", "text": "Hi"},
        {"event_type": "stream-end", "response": {"response_id": "c1", "meta": units}, "finish_reason": "COMPLETE"},
    ]
    usage = Usage(provider="cohere", response_id="c1", operation="chat", input_tokens=7, output_tokens=109)
    assert [read_response(v2), read_response(v1)] == [usage, usage]


def test_the_last_chunk_of_an_ollama_stream_has_the_counts() -> None:
    for content, operation in (({"message": {"content": "Hi"}}, "chat"), ({"response": "Hi"}, "text_completion")):
        chunk = {"model": "llama3.2", **content, "done": False}
        last = {**chunk, "done": True, "total_duration": 10**9, "prompt_eval_count": 26, "eval_count": 2}
        assert read_response([chunk, chunk, last]) == Usage(
            provider="ollama", model="llama3.2", operation=operation, input_tokens=26, output_tokens=2, duration_s=1.0
        )
