"""The demo's accounts as pages of the providers' APIs.

OpenAI: `/v1/organization/costs`, `/usage/completions` and `/usage/embeddings`, and the list of keys. Anthropic:
`cost_report`, `usage_report/messages`, and the list of keys.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from breakeven_collector.demo.bill_usage import ByKind, Money
from breakeven_collector.period import utc_seconds

Page = dict[str, Any]
_DAYS_A_PAGE: Final = 31
"""The most that usage by day gives at once."""
_LINE_ITEMS: Final = {"uncached_tokens": "input", "cache_read_tokens": "cached input", "output_tokens": "output"}
_TOKEN_TYPES: Final = {
    "uncached_tokens": ("uncached_input_tokens", "Input Tokens"),
    "cache_read_tokens": ("cache_read_input_tokens", "Input Tokens, Cache Hit"),
    "cache_write_1h_tokens": ("cache_creation.ephemeral_1h_input_tokens", "Input Tokens, Cache Write 1h"),
    "output_tokens": ("output_tokens", "Output Tokens"),
}


def _key_id(provider: str, key: str) -> str:
    return f"{'key' if provider == 'openai' else 'apikey'}_{key}"


def _pages(days: list[date], results: Mapping[date, list[Page]], openai: bool) -> list[Page]:
    pages: list[Page] = []
    for start in range(0, len(days), _DAYS_A_PAGE):
        more = start + _DAYS_A_PAGE < len(days)
        page = {
            "data": [_bucket(day, results.get(day, []), openai) for day in days[start : start + _DAYS_A_PAGE]],
            "has_more": more,
            "next_page": f"page_{start + _DAYS_A_PAGE}" if more else None,
        }
        pages.append({"object": "page", **page} if openai else page)
    return pages


def _bucket(day: date, results: list[Page], openai: bool) -> Page:
    after = day + timedelta(days=1)
    if openai:
        times = {"start_time": utc_seconds(day), "end_time": utc_seconds(after)}
        return {"object": "bucket", **times, "results": results}
    return {"starting_at": f"{day}T00:00:00Z", "ending_at": f"{after}T00:00:00Z", "results": results}


def openai_pages(days: list[date], by_kind: ByKind, money: Money) -> dict[str, list[Page]]:
    """OpenAI's files → their pages."""
    costs, completions, embeddings = (defaultdict[date, list[Page]](list) for _ in range(3))
    keys: dict[str, Page] = {}
    for (day, provider, project, model, meter), usd in money.items():
        if provider == "openai":
            costs[day].append(
                {
                    "object": "organization.costs.result",
                    # A number there, so a float here: its 15 digits come back as they were.
                    "amount": {"value": float(usd), "currency": "usd"},
                    "line_item": f"{model}, {_LINE_ITEMS[meter]}" if model else "web search tool calls",
                    "project_id": project,
                }
            )
    for (day, kind), used in by_kind.items():
        if kind.provider != "openai":
            continue
        common = {
            "input_tokens": used.uncached + used.cache_read,
            "num_model_requests": used.requests,
            "project_id": kind.project,
            "user_id": None,
            "api_key_id": _key_id("openai", kind.key),
            "model": kind.model,
        }
        if kind.embeddings:
            embeddings[day].append({"object": "organization.usage.embeddings.result", **common})
        else:
            completions[day].append(
                {
                    "object": "organization.usage.completions.result",
                    **common,
                    "output_tokens": used.output,
                    "input_cached_tokens": used.cache_read,
                    "input_audio_tokens": 0,
                    "output_audio_tokens": 0,
                    "batch": kind.batch,
                    "service_tier": "default",
                }
            )
        id = _key_id("openai", kind.key)
        keys[id] = {"object": "organization.project.api_key", "id": id, "name": kind.key}
    return {
        "costs.json": _pages(days, costs, openai=True),
        "completions.json": _pages(days, completions, openai=True),
        "embeddings.json": _pages(days, embeddings, openai=True),
        "api_keys.json": [{"object": "list", "data": list(keys.values()), "has_more": False}],
    }


def anthropic_pages(days: list[date], by_kind: ByKind, money: Money) -> dict[str, list[Page]]:
    """Anthropic's files → their pages."""
    costs, usage = (defaultdict[date, list[Page]](list) for _ in range(2))
    keys: dict[str, Page] = {}
    for (day, provider, project, model, meter), usd in money.items():
        if provider != "anthropic":
            continue
        token_type, said = _TOKEN_TYPES.get(meter, (None, ""))
        costs[day].append(
            {
                "currency": "USD",
                "amount": f"{usd * 100:f}",
                "workspace_id": project,
                "description": f"{model} Usage - {said}" if model else "Web Search Usage",
                "cost_type": "tokens" if model else "web_search",
                "context_window": "0-200k" if model else None,
                "model": model or None,
                "service_tier": "standard" if model else None,
                "token_type": token_type,
                "inference_geo": None,
            }
        )
    for (day, kind), used in by_kind.items():
        if kind.provider != "anthropic":
            continue
        id = _key_id("anthropic", kind.key)
        usage[day].append(
            {
                "uncached_input_tokens": used.uncached,
                "cache_creation": {
                    "ephemeral_1h_input_tokens": used.cache_write_1h,
                    "ephemeral_5m_input_tokens": 0,
                },
                "cache_read_input_tokens": used.cache_read,
                "output_tokens": used.output,
                "server_tool_use": {"web_search_requests": used.searches},
                "api_key_id": id,
                "workspace_id": kind.project,
                "model": kind.model,
                "service_tier": "batch" if kind.batch else "standard",
                "context_window": "0-200k",
            }
        )
        keys[id] = {"id": id, "type": "api_key", "name": kind.key, "workspace_id": kind.project}
    return {
        "cost_report.json": _pages(days, costs, openai=False),
        "usage_report.json": _pages(days, usage, openai=False),
        "api_keys.json": [{"data": list(keys.values()), "has_more": False}],
    }
