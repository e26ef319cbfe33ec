"""Responses of OpenAI and of all who speak as it does: Azure, Groq, Mistral, DeepSeek, xAI, OpenRouter, vLLM, …"""

from decimal import Decimal
from typing import Any, Final

from breakeven._usage import billers
from breakeven._usage.fields import count, get, is_list, items, quantity, text
from breakeven._usage.totals import Usage, first, less, meters

_OPENAI_OPERATIONS: Final = {
    "chat.completion": "chat",
    "chat.completion.chunk": "chat",
    "response": "chat",
    "realtime.response": "chat",
    "thread.run": "chat",
    "text_completion": "text_completion",
}
_TOOL_METERS: Final = {
    "web_search_call": "web_search",
    "code_interpreter_call": "code_execution",
    "file_search_call": "storage_search",
}


def openai(response: Any, package: str) -> Usage | None:
    """OpenAI and all who speak as it does. Parts are inside the totals, but for the reasoning of some imitations."""
    usage = get(response, "usage")
    if usage is None:
        usage = get(get(response, "x_groq"), "usage")
    kind = text(response, "object")
    operation = _OPENAI_OPERATIONS.get(kind or "")
    if operation is None and (kind == "list" or is_list(get(response, "data"))):
        embedded = any(get(each, "embedding") is not None for each in items(response, "data")[:1])
        operation = "embeddings" if embedded else None
    if operation is None and (is_list(get(response, "choices")) or count(usage, "prompt_tokens") is not None):
        operation = "chat"
    if operation is None:
        return None
    model = text(response, "model")
    took_in = get(usage, "prompt_tokens_details", "input_tokens_details", "input_token_details", "prompt_token_details")
    gave_out = get(usage, "completion_tokens_details", "output_tokens_details", "output_token_details")
    cached = get(took_in, "cached_tokens_details")
    input_tokens = count(usage, "prompt_tokens", "input_tokens")
    output_tokens = count(usage, "completion_tokens", "output_tokens")
    reasoning = count(gave_out, "reasoning_tokens")
    provider = billers.of_openai(response, usage, model, package)
    beside = _beside(count(usage, "total_tokens"), input_tokens, output_tokens, reasoning, provider, model)
    return Usage(
        provider=provider,
        model=model,
        response_id=text(response, "id"),
        operation=operation,
        service_tier=text(response, "service_tier"),
        input_tokens=input_tokens,
        output_tokens=None if output_tokens is None else output_tokens + beside,
        cache_read_tokens=first(
            count(took_in, "cached_tokens"),
            count(usage, "prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens", "cache_read_input_tokens"),
        ),
        cache_write_tokens=first(
            count(took_in, "cache_write_tokens", "cache_creation_tokens"), count(usage, "cache_creation_input_tokens")
        ),
        reasoning_tokens=first(reasoning, beside or None),
        audio_input_tokens=less(count(took_in, "audio_tokens"), count(cached, "audio_tokens")),
        audio_output_tokens=count(gave_out, "audio_tokens"),
        image_input_tokens=less(count(took_in, "image_tokens"), count(cached, "image_tokens")),
        image_output_tokens=count(gave_out, "image_tokens"),
        meters=meters(
            _tools(response),
            web_search=count(get(usage, "server_tool_use"), "web_search_requests"),
            audio_second=quantity(usage, "prompt_audio_seconds"),
        ),
        cost_usd=_cost(usage),
    )


def _beside(
    total: int | None,
    input_tokens: int | None,
    output_tokens: int | None,
    reasoning: int | None,
    provider: str | None,
    model: str | None,
) -> int:
    """Output tokens that the output leaves out: xAI's reasoning, Gemini's thoughts behind OpenAI's shape."""
    reasoning = reasoning or 0
    if total is not None and input_tokens is not None and output_tokens is not None:
        excess = total - input_tokens - output_tokens
        if excess > 0 and (excess == reasoning or "gemini" in (model or "")):
            return excess
        return 0
    return reasoning if provider == "x_ai" else 0


def _tools(response: Any) -> dict[str, int]:
    """Calls of OpenAI's own tools among the output of the Responses API."""
    used: dict[str, int] = {}
    for item in items(response, "output"):
        meter = _TOOL_METERS.get(text(item, "type") or "")
        # Only a search is billed, not opening a page that it found.
        if meter and text(get(item, "action"), "type") in (None, "search"):
            used[meter] = used.get(meter, 0) + 1
    return used


def _cost(usage: Any) -> Decimal | None:
    """What OpenRouter (`cost`), Perplexity (`cost.total_cost`) or xAI (ticks) charged, in USD."""
    ticks = count(usage, "cost_in_usd_ticks")
    if ticks is not None:
        return Decimal(ticks).scaleb(-10)
    cost = quantity(usage, "cost")
    if cost is None:
        cost = quantity(get(usage, "cost"), "total_cost")
    if cost is None:
        return None
    charged = Decimal(str(cost))
    if get(usage, "is_byok") is not True:
        return charged
    # With a key of one's own OpenRouter charges its fee, and the provider the rest.
    upstream = quantity(get(usage, "cost_details"), "upstream_inference_cost")
    return None if upstream is None else charged + Decimal(str(upstream))


def openai_media(response: Any, package: str) -> Usage | None:
    """OpenAI's images and transcriptions, Mistral's OCR: by tokens, seconds, images or pages."""
    usage = get(response, "usage")
    pages = count(get(response, "usage_info"), "pages_processed")
    images = [each for each in items(response, "data") if get(each, "url", "b64_json") is not None]
    heard = quantity(usage, "seconds") if text(usage, "type") == "duration" else None
    spoken = text(usage, "type") in ("tokens", "duration") and isinstance(get(response, "text"), str)
    if pages is None and not images and not spoken:
        return None
    took_in, gave_out = get(usage, "input_tokens_details", "input_token_details"), get(usage, "output_tokens_details")
    output_tokens = count(usage, "output_tokens")
    model = text(response, "model")
    drawn = first(count(gave_out, "image_tokens"), output_tokens) if images else None
    return Usage(
        provider=billers.of_openai(response, usage, model, package),
        model=model,
        operation="ocr" if pages is not None else "image_generation" if images else "transcription",
        input_tokens=count(usage, "input_tokens"),
        output_tokens=output_tokens,
        audio_input_tokens=count(took_in, "audio_tokens"),
        image_input_tokens=count(took_in, "image_tokens"),
        image_output_tokens=drawn,
        meters=meters(page=pages, audio_second=heard, image=len(images) if usage is None else None),
        cost_usd=_cost(usage),
    )
