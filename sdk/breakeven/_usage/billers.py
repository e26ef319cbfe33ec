"""Who is billed for a response, as far as it tells.

The shape alone does not: half the industry speaks OpenAI's. None is better than a guess, since the provider picks the
price; the application can always say it.
"""

import re
from typing import Any, Final

from breakeven._usage.fields import get, has, items, quantity, text

_PACKAGES: Final = {"groq": "groq", "mistralai": "mistral_ai"}
"""Clients in OpenAI's shape that talk to one provider only. OpenAI's own talks to everybody."""

_OPENAI_MODEL: Final = re.compile(
    r"(ft:)?(gpt-(?!oss|35)|chatgpt-|o[1-9](-|$)|text-(embedding|davinci|curie|babbage|ada|moderation)-|(davinci|babbage)"
    r"[-:]|codex-|computer-use-|dall-e-|whisper-1$|tts-1|omni-)"
)
_MISTRAL_MODEL: Final = re.compile(
    r"(open-)?(mistral|mixtral|ministral|magistral|codestral|devstral|pixtral|voxtral)-[\w.-]+$"
)
_MISTRAL_ID: Final = re.compile(r"[0-9a-f]{32}$")


def of_openai(response: Any, usage: Any, model: str | None, package: str) -> str | None:
    """Whom a response in OpenAI's shape comes from, by marks that only one provider leaves."""
    name = model or ""
    response_id = text(response, "id") or ""
    if package in _PACKAGES:
        return _PACKAGES[package]
    if get(response, "x_groq") is not None or get(usage, "queue_time") is not None:
        return "groq"
    if response_id.startswith("gen-") and (text(response, "provider") or quantity(usage, "cost") is not None):
        return "openrouter"
    if get(response, "prompt_filter_results", "content_filters") is not None or any(
        get(choice, "content_filter_results") is not None for choice in items(response, "choices")
    ):
        return "azure.ai.openai"
    if name.startswith("gpt-35"):
        return "azure.ai.openai"
    if get(usage, "cost_in_usd_ticks") is not None or name.startswith("grok-"):
        return "x_ai"
    if name.startswith("deepseek-") and get(usage, "prompt_cache_miss_tokens") is not None:
        return "deepseek"
    if has(response, "kv_transfer_params") or has(response, "prompt_logprobs"):
        return "vllm"
    if _MISTRAL_MODEL.match(name) and (_MISTRAL_ID.match(response_id) or get(response, "usage_info") is not None):
        return "mistral_ai"
    if _OPENAI_MODEL.match(name):
        return "openai"
    return None


def of_anthropic(model: str | None, response_id: str | None) -> str | None:
    """Anthropic, or the cloud that its ids name; others who imitate it are not known."""
    if (response_id or "").startswith("msg_bdrk_"):
        return "aws.bedrock"
    if (response_id or "").startswith("msg_vrtx_"):
        return "gcp.vertex_ai"
    return "anthropic" if (model or "").startswith("claude-") else None


def of_gemini(response: Any, usage: Any) -> str:
    """Vertex AI, which tells the kind of traffic and the time, or the Gemini API."""
    vertex = get(usage, "trafficType", "traffic_type") or get(response, "createTime", "create_time")
    return "gcp.gemini" if vertex is None else "gcp.vertex_ai"
