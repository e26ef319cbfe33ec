"""Responses of Amazon Bedrock: Converse, and the bodies, last chunks and headers of InvokeModel.

Cached tokens are beside the input everywhere. The model is what the application asked for; the answer rarely names it.
"""

from collections.abc import Mapping
from typing import Any, Final

from breakeven._usage.fields import count, get, items, text
from breakeven._usage.totals import Usage, add

PROVIDER: Final = "aws.bedrock"
_METRICS: Final = "amazon-bedrock-invocationMetrics"
_HEADER: Final = "x-amzn-bedrock-"


def converse(response: Any, package: str) -> Usage | None:  # noqa: ARG001 - a Reader
    """Converse, the last event of ConverseStream, and Nova's body, which has the same form."""
    usage = get(response, "usage")
    input_tokens = count(usage, "inputTokens")
    if input_tokens is None and text(response, "stopReason") is None and get(response, "messageStop") is None:
        return None
    latency_ms = count(get(response, "metrics"), "latencyMs")
    details = items(usage, "cacheDetails")
    routed = text(get(get(response, "trace"), "promptRouter"), "invokedModelId")
    return _apart(
        input_tokens,
        count(usage, "outputTokens"),
        count(usage, "cacheReadInputTokens", "cacheReadInputTokenCount"),
        count(usage, "cacheWriteInputTokens", "cacheWriteInputTokenCount"),
        add(*(count(each, "inputTokens") for each in details if text(each, "ttl") == "1h")),
        model=None if routed is None else routed.rpartition("/")[2],
        service_tier=text(get(response, "serviceTier"), "type"),
        duration_s=None if latency_ms is None else latency_ms / 1e3,
    )


def invoked(response: Any, package: str) -> Usage | None:  # noqa: ARG001 - a Reader
    """InvokeModel: Titan's and Llama's body; of all models, a stream's end or the headers of the client's answer."""
    metrics = get(response, _METRICS)
    if metrics is not None:
        completes = get(response, "outputText", "generation", "completion") is not None
        return _apart(
            count(metrics, "inputTokenCount"),
            count(metrics, "outputTokenCount"),
            count(metrics, "cacheReadInputTokenCount"),
            count(metrics, "cacheWriteInputTokenCount"),
            operation="text_completion" if completes else "chat",
            model=text(response, "model"),
            response_id=text(response, "id"),
        )
    if get(response, "inputTextTokenCount") is not None:
        answers = [count(each, "tokenCount") for each in items(response, "results")]
        answer = add(*answers, count(response, "totalOutputTextTokenCount"))
        operation = "embeddings" if get(response, "embedding", "embeddingsByType") is not None else "text_completion"
        return _apart(count(response, "inputTextTokenCount"), answer, operation=operation)
    if get(response, "generation") is not None and get(response, "prompt_token_count", "generation_token_count"):
        answer = count(response, "generation_token_count")
        return _apart(count(response, "prompt_token_count"), answer, operation="text_completion")
    headers = get(get(response, "ResponseMetadata"), "HTTPHeaders")
    if not isinstance(headers, Mapping) or _number(headers, "input-token-count") is None:  # pyright: ignore[reportUnknownArgumentType]
        return None
    # The body is a stream that the application reads.
    return _apart(
        _number(headers, "input-token-count"),  # pyright: ignore[reportUnknownArgumentType]
        _number(headers, "output-token-count"),  # pyright: ignore[reportUnknownArgumentType]
        _number(headers, "cache-read-input-token-count"),  # pyright: ignore[reportUnknownArgumentType]
        _number(headers, "cache-write-input-token-count"),  # pyright: ignore[reportUnknownArgumentType]
        service_tier=text(response, "serviceTier"),
    )


def _number(headers: Mapping[str, object], name: str) -> int | None:
    value = headers.get(_HEADER + name)
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19 else None


def _apart(
    input_tokens: int | None,
    output_tokens: int | None,
    read: int | None = None,
    write: int | None = None,
    write_1h: int | None = None,
    *,
    operation: str = "chat",
    model: str | None = None,
    response_id: str | None = None,
    service_tier: str | None = None,
    duration_s: float | None = None,
) -> Usage:
    return Usage(
        provider=PROVIDER,
        model=model,
        response_id=response_id,
        operation=operation,
        service_tier=service_tier,
        input_tokens=None if input_tokens is None else input_tokens + (read or 0) + (write or 0),
        output_tokens=output_tokens,
        cache_read_tokens=read,
        cache_write_tokens=write,
        cache_write_1h_tokens=write_1h,
        duration_s=duration_s,
    )
