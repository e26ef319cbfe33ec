"""LiteLLM's proxy: rows of the table `LiteLLM_SpendLogs`, as CSV, JSON, JSON lines or a dump of Postgres.

Columns: `litellm/proxy/schema.prisma`; what stands in them: `litellm/proxy/spend_tracking/spend_tracking_utils.py`.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from breakeven_collector.histories.call import Call, Usage, end_of, provider_of
from breakeven_collector.histories.fields import BadRow, Row, as_mapping, as_name, as_tokens, tags_of
from breakeven_collector.histories.reading import NotACall, Options

TABLE: Final = "LiteLLM_SpendLogs"
_KNOWN_NAMES: Final = """
    request_id call_type api_key spend total_tokens prompt_tokens completion_tokens startTime endTime
    request_duration_ms completionStartTime model model_id model_group custom_llm_provider api_base user metadata
    cache_hit cache_key request_tags team_id organization_id end_user requester_ip_address messages response
    session_id status mcp_namespaced_tool_name agent_id proxy_server_request
"""
KNOWN: Final = frozenset(_KNOWN_NAMES.split())

_OPERATIONS: Final = {
    **dict.fromkeys(("completion", "text_completion", "anthropic_messages", "generate_content", "responses"), "chat"),
    "embedding": "embeddings",
}
_NO_CALLS: Final = re.compile(r"batch|file|mcp|vector_store|health|moderation|retrieve|list|cancel|delete|fine_tuning")
_CACHE_HIT: Final = re.compile(r"_cache_hit[\d.]+$")


def read(row: Row, options: Options) -> Call:
    """The call of a row.

    Raises:
        NotACall: it is none of a model.
        BadRow: it cannot be read.
    """
    if not (key := row.text("request_id")):
        raise BadRow("no request_id: is this a table of LiteLLM_SpendLogs?")
    kind = row.text("call_type").lower()
    operation = _OPERATIONS.get(kind, _OPERATIONS.get(kind.removeprefix("a"), ""))
    if not operation:
        if row.text("mcp_namespaced_tool_name") or _NO_CALLS.search(kind):
            raise NotACall(kind or "tool")
        operation = kind.removeprefix("a") if kind.startswith("a") and kind != "audio" else kind or "chat"
    start = row.time("startTime", "start_time")
    if start is None:
        raise BadRow("no startTime")
    metadata = row.mapping("metadata")
    hit = row.text("cache_hit").lower() == "true"
    error = as_mapping(metadata.get("error_information"))
    failed = (row.text("status") or str(metadata.get("status") or "")).lower() == "failure"
    tags = dict(tags_of(row.list("request_tags")))
    # Headers of the client that the proxy adds by itself.
    tags = {name: value for name, value in tags.items() if name not in ("User-Agent", "true", "")}
    given = as_mapping(metadata.get("spend_logs_metadata"))
    feature = (
        row.at(options.feature_from)
        if options.feature_from
        else tags.get("feature") or _name(given.get("feature")) or _name(metadata.get("feature"))
    )
    usage = _usage(row, metadata)
    return Call(
        source="litellm",
        key=key,
        start=start,
        end=end_of(start, row.time("endTime", "end_time")),
        model=row.name("model", "model_group"),
        provider=provider_of(row.text("custom_llm_provider")),
        operation=operation,
        # A failure has 0 of everything, which is not what it cost.
        usage=Usage() if failed and not (usage.input or usage.output) else usage,
        # Failures have an id of the proxy's own; an answer from its cache has that of the answer that was kept.
        response_id="" if failed else _CACHE_HIT.sub("", key),
        their_cost_usd=row.usd("spend"),
        gateway_cache=hit,
        failed=failed,
        error_type=as_name(str(error.get("error_class") or "")) or ("error" if failed else ""),
        http_status=_status(error.get("error_code")) if failed else 0,
        feature=feature,
        provider_key=_name(metadata.get("user_api_key_alias")),
        provider_project=_name(metadata.get("user_api_key_team_alias")) or row.name("team_id"),
        tenant=row.name("end_user"),
        session_id=row.name("session_id"),
        tags={name: value for name, value in tags.items() if name != "feature"},
    )


def _usage(row: Row, metadata: Mapping[str, Any]) -> Usage:
    """The columns have totals, cached tokens included; what is in them stands only in the metadata."""
    total_in = row.tokens("prompt_tokens")
    total_out = row.tokens("completion_tokens")
    told = {**as_mapping(metadata.get("additional_usage_values")), **as_mapping(metadata.get("usage_object"))}
    inside = as_mapping(told.get("prompt_tokens_details")) or as_mapping(told.get("input_tokens_details"))
    out = as_mapping(told.get("completion_tokens_details")) or as_mapping(told.get("output_tokens_details"))
    written = as_mapping(inside.get("cache_creation_token_details"))
    # For OpenAI the first says 0 and the details the truth.
    read = _count(told, "cache_read_input_tokens") or _count(inside, "cached_tokens")
    write = _count(told, "cache_creation_input_tokens") or _count(inside, "cache_creation_tokens")
    hour = _count(written, "ephemeral_1h_input_tokens")
    if total_in is not None and read + write > total_in:
        # Early versions passed on what Anthropic says, cached tokens beside the input.
        total_in += read + write
    if not total_in and not total_out:
        return Usage()
    return Usage(
        input=total_in,
        output=total_out,
        cache_read=read,
        cache_write=write,
        cache_write_1h=min(hour, write),
        audio_input=_count(inside, "audio_tokens"),
        image_input=_count(inside, "image_tokens"),
        reasoning=_count(out, "reasoning_tokens"),
        audio_output=_count(out, "audio_tokens"),
    )


def _count(told: Mapping[str, Any], name: str) -> int:
    value = told.get(name)
    return 0 if value is None or value == "" else as_tokens(value, name)


def _name(value: Any) -> str:
    return "" if value is None or isinstance(value, dict | list) else as_name(str(value).strip())


def _status(value: Any) -> int:
    told = str(value or "")
    return int(told) if re.fullmatch(r"[1-5]\d\d", told) else 0
