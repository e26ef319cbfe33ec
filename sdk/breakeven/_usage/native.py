"""Responses of providers with a shape of their own: Anthropic, Gemini, Cohere, Ollama."""

from collections.abc import Iterable
from typing import Any, Final

from breakeven._usage import billers
from breakeven._usage.fields import count, get, has, is_list, is_record, items, text
from breakeven._usage.totals import Usage, add, first, less, meters


def anthropic(response: Any, package: str) -> Usage | None:  # noqa: ARG001 - a Reader
    """Messages. Input, cache reads and cache writes are apart; a compaction is in none of them."""
    usage = get(response, "usage")
    kind = text(response, "type")
    if not (
        kind == "message"
        or (kind == "completion" and text(response, "completion") is not None)
        # LiteLLM has the names of both in one usage; there the totals are OpenAI's.
        or (count(usage, "input_tokens") is not None and has(usage, "cache_read_input_tokens"))
    ):
        return None
    rounds = [usage, *(each for each in items(usage, "iterations") if text(each, "type") == "compaction")]
    written = get(usage, "cache_creation")
    tools = get(usage, "server_tool_use")
    read, write = _sum(rounds, "cache_read_input_tokens"), _sum(rounds, "cache_creation_input_tokens")
    if write is None:
        write = add(count(written, "ephemeral_5m_input_tokens"), count(written, "ephemeral_1h_input_tokens"))
    plain = _sum(rounds, "input_tokens")
    model, response_id = text(response, "model"), text(response, "id")
    return Usage(
        provider=billers.of_anthropic(model, response_id),
        model=model,
        response_id=response_id,
        operation="chat",
        service_tier=text(usage, "service_tier"),
        speed=text(usage, "speed"),
        input_tokens=None if plain is None else plain + (read or 0) + (write or 0),
        output_tokens=_sum(rounds, "output_tokens"),
        cache_read_tokens=read,
        cache_write_tokens=write,
        cache_write_1h_tokens=_sum([get(each, "cache_creation") for each in rounds], "ephemeral_1h_input_tokens"),
        reasoning_tokens=count(get(usage, "output_tokens_details"), "thinking_tokens"),
        meters=meters(
            web_search=count(tools, "web_search_requests"), code_execution=count(tools, "code_execution_requests")
        ),
    )


_TRAFFIC_TIERS: Final = {"ON_DEMAND_PRIORITY": "priority", "ON_DEMAND_FLEX": "flex"}
_MODALITIES: Final = {1: "TEXT", 2: "IMAGE", 3: "VIDEO", 4: "AUDIO", 5: "DOCUMENT"}


def gemini(response: Any, package: str) -> Usage | None:  # noqa: ARG001 - a Reader
    """generateContent. Cached tokens are in the prompt; thoughts and what tools fed in are in no total but the sum."""
    usage = get(response, "usageMetadata", "usage_metadata")
    if usage is None and not (
        is_list(get(response, "candidates")) or get(response, "modelVersion", "model_version") is not None
    ):
        return None
    prompt = count(usage, "promptTokenCount", "prompt_token_count")
    answer = count(usage, "candidatesTokenCount", "candidates_token_count")
    thoughts = count(usage, "thoughtsTokenCount", "thoughts_token_count")
    tools = count(usage, "toolUsePromptTokenCount", "tool_use_prompt_token_count")
    total = count(usage, "totalTokenCount", "total_token_count")
    if answer is None and thoughts is None and total is not None and total == prompt:
        # Protobuf leaves zeros out: a blocked prompt has no answer.
        answer = 0
    took_in = [
        *items(usage, "promptTokensDetails", "prompt_tokens_details"),
        *items(usage, "toolUsePromptTokensDetails", "tool_use_prompt_tokens_details"),
    ]
    cached = items(usage, "cacheTokensDetails", "cache_tokens_details")
    gave_out = items(usage, "candidatesTokensDetails", "candidates_tokens_details")
    traffic = text(usage, "trafficType", "traffic_type")
    return Usage(
        provider=billers.of_gemini(response, usage),
        model=text(response, "modelVersion", "model_version"),
        response_id=text(response, "responseId", "response_id"),
        operation="generate_content",
        service_tier=_TRAFFIC_TIERS.get(traffic or ""),
        input_tokens=add(prompt, tools),
        output_tokens=add(answer, thoughts),
        cache_read_tokens=count(usage, "cachedContentTokenCount", "cached_content_token_count"),
        reasoning_tokens=thoughts,
        audio_input_tokens=less(_modality(took_in, "AUDIO"), _modality(cached, "AUDIO")),
        audio_output_tokens=_modality(gave_out, "AUDIO"),
        image_input_tokens=less(_modality(took_in, "IMAGE"), _modality(cached, "IMAGE")),
        image_output_tokens=_modality(gave_out, "IMAGE"),
    )


def _modality(details: Iterable[Any], wanted: str) -> int | None:
    """Tokens of one modality; its name is an enum in the client and a number in Vertex' older one."""
    found = [
        count(each, "tokenCount", "token_count")
        for each in details
        if (text(each, "modality") or _MODALITIES.get(count(each, "modality") or 0)) == wanted
    ]
    return add(*found)


def ollama(response: Any, package: str) -> Usage | None:  # noqa: ARG001 - a Reader
    """Counts at the root. It leaves out the input where all of it was in its cache."""
    if get(response, "prompt_eval_count", "eval_count") is None and not (
        isinstance(get(response, "done"), bool) and text(response, "model")
    ):
        return None
    took_ns = count(response, "total_duration")
    vectors = is_list(get(response, "embeddings"))
    return Usage(
        provider="ollama",
        model=text(response, "model"),
        operation="embeddings" if vectors else "chat" if get(response, "message") is not None else "text_completion",
        input_tokens=count(response, "prompt_eval_count"),
        output_tokens=count(response, "eval_count"),
        duration_s=None if took_ns is None else took_ns / 1e9,
    )


def cohere(response: Any, package: str) -> Usage | None:  # noqa: ARG001 - a Reader
    """v1 (`meta`) and v2 (`usage`): billed units, which are fewer than the tokens that the model saw."""
    usage = get(response, "usage")
    if get(usage, "billed_units", "tokens") is None:
        usage = get(response, "meta")
    billed, seen = get(usage, "billed_units"), get(usage, "tokens")
    if not (is_record(billed) or is_record(seen) or is_record(get(usage, "api_version"))):
        return None
    # Cached tokens are some of those that the model saw: what share of the billed ones they are is not told.
    units = seen if billed is None else billed
    drawn = count(units, "image_tokens")
    if text(response, "response_type") or get(response, "embeddings") is not None:
        operation = "embeddings"
    elif count(units, "search_units") is not None:
        operation = "rerank"
    else:
        operation = "text_completion" if is_list(get(response, "generations")) else "chat"
    return Usage(
        provider="cohere",
        response_id=text(response, "id", "response_id", "generation_id"),
        operation=operation,
        input_tokens=first(count(units, "input_tokens"), add(drawn, count(units, "text_tokens"))),
        output_tokens=count(units, "output_tokens"),
        cache_read_tokens=count(usage, "cached_tokens") if billed is None else None,
        image_input_tokens=drawn,
        meters=meters(
            rerank_search=count(units, "search_units"),
            classification=count(units, "classifications"),
            image=count(units, "images"),
            page=count(units, "pages"),
        ),
    )


def _sum(rounds: Iterable[Any], name: str) -> int | None:
    return add(*(count(each, name) for each in rounds))
