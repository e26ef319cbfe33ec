"""Responses in OpenAI's shape, as OpenAI and its imitators document them."""

from decimal import Decimal
from typing import Any

import pytest
from breakeven._usage import Usage, read_response


def chat(model: str, usage: dict[str, Any], **more: Any) -> dict[str, Any]:
    choices = [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": model, "choices": choices, "usage": usage, **more}


def told(provider: str | None, model: str | None, **more: Any) -> Usage:
    fields: dict[str, Any] = {"response_id": "chatcmpl-1", "operation": "chat", **more}
    return Usage(provider=provider, model=model, **fields)


CASES: dict[str, tuple[Any, Usage]] = {
    "OpenAI chat with audio, cache and reasoning": (
        chat(
            "gpt-4o-audio-preview-2024-12-17",
            {
                "prompt_tokens": 1200,
                "completion_tokens": 300,
                "total_tokens": 1500,
                "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 100, "cache_write_tokens": 16},
                "completion_tokens_details": {
                    **{"reasoning_tokens": 64, "audio_tokens": 200},
                    **{"accepted_prediction_tokens": 0, "rejected_prediction_tokens": 10},
                },
            },
            service_tier="priority",
        ),
        told(
            "openai",
            "gpt-4o-audio-preview-2024-12-17",
            service_tier="priority",
            input_tokens=1200,
            output_tokens=300,
            cache_read_tokens=1024,
            cache_write_tokens=16,
            reasoning_tokens=64,
            audio_input_tokens=100,
            audio_output_tokens=200,
        ),
    ),
    "OpenAI Responses with tools": (
        {
            "id": "resp_1",
            "object": "response",
            "model": "gpt-5.6-2026-06-01",
            "service_tier": "flex",
            "output": [
                {"type": "reasoning", "id": "rs_1"},
                {"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "x"}},
                {"type": "web_search_call", "status": "completed", "action": {"type": "open_page", "url": "y"}},
                {"type": "web_search_call", "status": "completed"},
                {"type": "code_interpreter_call", "container_id": "cntr_1"},
                {"type": "file_search_call", "results": None},
                {"type": "message", "content": []},
            ],
            "usage": {
                "input_tokens": 5000,
                "input_tokens_details": {
                    **{"cached_tokens": 1000, "cache_write_tokens": 3000},
                    "cache_write_tokens_details": {"ttl_30m_tokens": 1000, "ttl_12h_tokens": 2000},
                },
                "output_tokens": 800,
                "output_tokens_details": {"reasoning_tokens": 600},
                "total_tokens": 5800,
            },
        },
        Usage(
            provider="openai",
            model="gpt-5.6-2026-06-01",
            response_id="resp_1",
            operation="chat",
            service_tier="flex",
            input_tokens=5000,
            output_tokens=800,
            cache_read_tokens=1000,
            cache_write_tokens=3000,
            reasoning_tokens=600,
            meters={"web_search": 2, "code_execution": 1, "storage_search": 1},
        ),
    ),
    "OpenAI embeddings": (
        {
            "object": "list",
            "data": [{"object": "embedding", "index": 0, "embedding": [0.1]}],
            "model": "text-embedding-3-small",
            "usage": {"prompt_tokens": 8, "total_tokens": 8},
        },
        Usage(provider="openai", model="text-embedding-3-small", operation="embeddings", input_tokens=8),
    ),
    "OpenAI Realtime": (
        {
            "type": "response.done",
            "response": {
                "id": "resp_2",
                "object": "realtime.response",
                "usage": {
                    "total_tokens": 300,
                    "input_tokens": 200,
                    "output_tokens": 100,
                    "input_token_details": {
                        **{"text_tokens": 50, "audio_tokens": 150, "cached_tokens": 128},
                        "cached_tokens_details": {"text_tokens": 28, "audio_tokens": 100},
                    },
                    "output_token_details": {"text_tokens": 20, "audio_tokens": 80},
                },
            },
        },
        Usage(
            response_id="resp_2",
            operation="chat",
            input_tokens=200,
            output_tokens=100,
            cache_read_tokens=128,
            audio_input_tokens=50,
            audio_output_tokens=80,
        ),
    ),
    "OpenAI images by token": (
        {
            "created": 1,
            "data": [{"b64_json": "aGk="}],
            "usage": {
                **{"input_tokens": 50, "output_tokens": 4160, "total_tokens": 4210},
                "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
            },
        },
        Usage(
            operation="image_generation",
            input_tokens=50,
            output_tokens=4160,
            image_input_tokens=40,
            image_output_tokens=4160,
        ),
    ),
    "OpenAI images by piece": (
        {"created": 1, "data": [{"url": "https://x"}, {"url": "https://y"}]},
        Usage(operation="image_generation", meters={"image": 2}),
    ),
    "OpenAI transcription by second": (
        {"text": "Hi", "usage": {"type": "duration", "seconds": 9.5}},
        Usage(operation="transcription", meters={"audio_second": 9.5}),
    ),
    "OpenAI transcription by token": (
        {
            "text": "Hi",
            "usage": {
                **{"type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59},
                "input_token_details": {"text_tokens": 0, "audio_tokens": 14},
            },
        },
        Usage(operation="transcription", input_tokens=14, output_tokens=45, audio_input_tokens=14),
    ),
    "a line of OpenAI's batch results": (
        {
            "id": "batch_req_1",
            "custom_id": "row-1",
            "response": {
                "status_code": 200,
                "body": chat("gpt-4o-mini-2024-07-18", {"prompt_tokens": 22, "completion_tokens": 2}),
            },
            "error": None,
        },
        told("openai", "gpt-4o-mini-2024-07-18", service_tier="batch", input_tokens=22, output_tokens=2),
    ),
    "Azure": (
        chat(
            "gpt-4o-2024-11-20",
            {"prompt_tokens": 15, "completion_tokens": 24},
            prompt_filter_results=[{"prompt_index": 0}],
        ),
        told("azure.ai.openai", "gpt-4o-2024-11-20", input_tokens=15, output_tokens=24),
    ),
    "Groq": (
        chat(
            "llama-3.3-70b-versatile",
            {"queue_time": 0.1, "prompt_tokens": 18, "prompt_time": 0.01, "completion_tokens": 70, "total_tokens": 88},
            x_groq={"id": "req_1"},
        ),
        told("groq", "llama-3.3-70b-versatile", input_tokens=18, output_tokens=70),
    ),
    "Mistral with audio": (
        chat(
            "voxtral-small-2507",
            {"prompt_tokens": 400, "completion_tokens": 10, "total_tokens": 410, "prompt_audio_seconds": 30},
            id="0123456789abcdef0123456789abcdef",
        ),
        told(
            "mistral_ai",
            "voxtral-small-2507",
            response_id="0123456789abcdef0123456789abcdef",
            input_tokens=400,
            output_tokens=10,
            meters={"audio_second": 30},
        ),
    ),
    "Mistral without audio": (
        chat(
            "mistral-small-2506", {"prompt_tokens": 4, "completion_tokens": 1, "prompt_audio_seconds": {}}, id="0" * 32
        ),
        told("mistral_ai", "mistral-small-2506", response_id="0" * 32, input_tokens=4, output_tokens=1),
    ),
    "Mistral OCR": (
        {"pages": [], "model": "mistral-ocr-2512", "usage_info": {"pages_processed": 29, "doc_size_bytes": 3002}},
        Usage(provider="mistral_ai", model="mistral-ocr-2512", operation="ocr", meters={"page": 29}),
    ),
    "DeepSeek without details": (
        chat(
            "deepseek-chat",
            {
                **{"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050},
                **{"prompt_cache_hit_tokens": 896, "prompt_cache_miss_tokens": 104},
            },
        ),
        told("deepseek", "deepseek-chat", input_tokens=1000, output_tokens=50, cache_read_tokens=896),
    ),
    "xAI, whose output leaves reasoning out": (
        chat(
            "grok-4.6",
            {
                **{"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135},
                "prompt_tokens_details": {"text_tokens": 32, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": 6},
                "completion_tokens_details": {"reasoning_tokens": 94, "audio_tokens": 0},
                **{"num_sources_used": 0, "cost_in_usd_ticks": 37756000},
            },
        ),
        told(
            "x_ai",
            "grok-4.6",
            input_tokens=32,
            output_tokens=103,
            cache_read_tokens=6,
            reasoning_tokens=94,
            audio_input_tokens=0,
            audio_output_tokens=0,
            image_input_tokens=0,
            cost_usd=Decimal("0.0037756000"),
        ),
    ),
    "xAI without a total": (
        chat(
            "grok-3-mini",
            {"prompt_tokens": 5, "completion_tokens": 50, "completion_tokens_details": {"reasoning_tokens": 9}},
        ),
        told("x_ai", "grok-3-mini", input_tokens=5, output_tokens=59, reasoning_tokens=9),
    ),
    "Gemini behind OpenAI's shape": (
        chat("gemini-2.5-pro", {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 530}),
        told(None, "gemini-2.5-pro", input_tokens=10, output_tokens=520, reasoning_tokens=500),
    ),
    "OpenRouter": (
        chat(
            "anthropic/claude-sonnet-4.5",
            {
                **{
                    "prompt_tokens": 194,
                    "completion_tokens": 2,
                    "total_tokens": 196,
                    "cost": 0.000095,
                    "is_byok": False,
                },
                "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 50},
                "cost_details": {"upstream_inference_cost": None},
                "server_tool_use": {"web_search_requests": 1},
            },
            id="gen-1",
            provider="Anthropic",
        ),
        told(
            "openrouter",
            "anthropic/claude-sonnet-4.5",
            response_id="gen-1",
            input_tokens=194,
            output_tokens=2,
            cache_read_tokens=100,
            cache_write_tokens=50,
            meters={"web_search": 1},
            cost_usd=Decimal("0.000095"),
        ),
    ),
    "OpenRouter with a key of one's own": (
        chat(
            "openai/gpt-4o",
            {
                **{"prompt_tokens": 10, "completion_tokens": 2, "cost": 0.0005, "is_byok": True},
                "cost_details": {"upstream_inference_cost": 0.01},
            },
            id="gen-2",
        ),
        told(
            "openrouter",
            "openai/gpt-4o",
            response_id="gen-2",
            input_tokens=10,
            output_tokens=2,
            cost_usd=Decimal("0.0105"),
        ),
    ),
    "vLLM": (
        chat(
            "Qwen/Qwen3-32B",
            {"prompt_tokens": 43, "total_tokens": 75, "completion_tokens": 32, "prompt_tokens_details": None},
            prompt_logprobs=None,
            kv_transfer_params=None,
        ),
        told("vllm", "Qwen/Qwen3-32B", input_tokens=43, output_tokens=32),
    ),
    "LiteLLM's answer of Anthropic": (
        chat(
            "claude-sonnet-4-5-20250929",
            {
                **{"prompt_tokens": 7100, "completion_tokens": 300, "total_tokens": 7400},
                **{"cache_creation_input_tokens": 2000, "cache_read_input_tokens": 5000},
                "prompt_tokens_details": {"cached_tokens": 5000},
            },
        ),
        told(
            None,
            "claude-sonnet-4-5-20250929",
            input_tokens=7100,
            output_tokens=300,
            cache_read_tokens=5000,
            cache_write_tokens=2000,
        ),
    ),
    "a gateway that counts cached tokens beside the input": (
        chat(
            "some-model", {"prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 500}}
        ),
        told(None, "some-model", input_tokens=510, output_tokens=1, cache_read_tokens=500),
    ),
    "an assistant's run": (
        {
            **{"id": "run_1", "object": "thread.run", "model": "gpt-4o-mini", "status": "completed"},
            "usage": {
                **{"prompt_tokens": 381, "completion_tokens": 88, "total_tokens": 469},
                "prompt_token_details": {"cached_tokens": 256},
            },
        },
        told("openai", "gpt-4o-mini", response_id="run_1", input_tokens=381, output_tokens=88, cache_read_tokens=256),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_documented_response_is_read(case: str) -> None:
    response, usage = CASES[case]
    assert read_response(response) == usage


def chunk(**more: Any) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-4o-2024-08-06", "choices": [], **more}


def test_the_last_usage_of_a_stream_wins() -> None:
    azure_prelude = {"choices": [], "id": "", "model": "", "object": "", "prompt_filter_results": [{"prompt_index": 0}]}
    assert read_response(
        [
            azure_prelude,
            chunk(usage={"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}),
            chunk(usage=None, service_tier="default"),
            chunk(usage={"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}),
        ]
    ) == told("azure.ai.openai", "gpt-4o-2024-08-06", service_tier="default", input_tokens=9, output_tokens=12)


def test_a_stream_that_was_not_asked_for_usage_tells_of_its_absence() -> None:
    usage = read_response([chunk(), chunk()])
    assert usage == told("openai", "gpt-4o-2024-08-06")
    assert usage is not None
    assert usage.absent


def test_a_stream_of_groq_tells_usage_in_a_place_of_its_own() -> None:
    counted = {"id": "req_1", "usage": {"prompt_tokens": 18, "completion_tokens": 73, "queue_time": 0.2}}
    chunks = [chunk(model="llama3-8b-8192", x_groq={"id": "req_1"}), chunk(model="llama3-8b-8192", x_groq=counted)]
    assert read_response(chunks) == told("groq", "llama3-8b-8192", input_tokens=18, output_tokens=73)


def test_events_of_the_responses_api_end_in_the_whole_response() -> None:
    started = {"id": "resp_1", "object": "response", "model": "gpt-4.1-nano", "status": "in_progress", "usage": None}
    ended = {**started, "status": "incomplete", "usage": {"input_tokens": 18, "output_tokens": 79}}
    events = [
        {"type": "response.created", "response": started},
        {"type": "response.output_text.delta", "delta": "Hi"},
        {"type": "response.incomplete", "response": ended},
    ]
    whole = told("openai", "gpt-4.1-nano", response_id="resp_1", input_tokens=18, output_tokens=79)
    assert read_response(events) == whole
    assert read_response(events[:2]) == told("openai", "gpt-4.1-nano", response_id="resp_1")


def test_the_steps_of_an_assistants_run_are_counted_in_the_run() -> None:
    used = {"prompt_tokens": 5, "completion_tokens": 2}
    run = {"id": "run_1", "object": "thread.run", "model": "gpt-4o-mini", "usage": used}
    step = {"id": "step_1", "object": "thread.run.step", "usage": used}
    events = [
        {"event": "thread.created", "data": {"id": "thread_1", "object": "thread"}},
        {"event": "thread.run.completed", "data": run},
        {"event": "thread.run.step.completed", "data": step},
    ]
    assert read_response(events) == told("openai", "gpt-4o-mini", response_id="run_1", input_tokens=5, output_tokens=2)
