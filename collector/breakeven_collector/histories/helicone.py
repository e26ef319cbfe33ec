"""Helicone: requests, as `npx @helicone/export` and the API `v1/request/query-clickhouse` give them.

Columns: `examples/export/typescript/index.ts` and `HeliconeRequest` of its repository.
"""

import re
from typing import Any, Final

from breakeven_collector.histories.call import Call, Usage, end_of, provider_of
from breakeven_collector.histories.fields import BadRow, Row, as_name
from breakeven_collector.histories.reading import Cached, NotACall, Options

_KNOWN_NAMES: Final = """
    response_id response_created_at response_body response_status response_model request_id request_created_at
    request_body request_path request_user_id request_properties request_model model_override helicone_user provider
    delay_ms latency time_to_first_token total_tokens prompt_tokens completion_tokens prompt_cache_read_tokens
    prompt_cache_write_tokens prompt_audio_tokens completion_audio_tokens reasoning_tokens prompt_id prompt_version
    feedback_created_at feedback_id feedback_rating signed_body_url llmSchema country_code asset_ids asset_urls
    scores costUSD cost properties assets target_url model cache_reference_id cache_enabled updated_at
    request_referrer ai_gateway_body_mapping storage_location key_name node_id prompt_name prompt_regex
    request_feedback request_prompt_values request_formatted_prompt_id request_prompt response_prompt threat
    size_bytes response_body_url request_body_url cost_usd
"""
KNOWN: Final = frozenset(_KNOWN_NAMES.split())

_NO_CACHE: Final = ("", "00000000-0000-0000-0000-000000000000")
_TIMEOUT, _PENDING, _CANCELLED, _THREAT = -1, -2, -3, -4
_NO_CALLS: Final = re.compile(r"^(?:tool|vector_db|data):")


def read(row: Row, options: Options) -> Call:
    """The call of a row.

    Raises:
        NotACall: it is none of a model.
        BadRow: it cannot be read.
    """
    # The CSV has only the second; a call is the same whichever file it stands in.
    key = row.text("response_id", "request_id")
    if not key:
        raise BadRow("neither request_id nor response_id: is this an export of Helicone's requests?")
    model = row.name("response_model", "model", "model_override", "request_model")
    if kind := _NO_CALLS.match(model):
        raise NotACall(kind[0].rstrip(":"))
    start = row.time("request_created_at", "response_created_at")
    if start is None:
        raise BadRow("no request_created_at")
    properties = {name: as_name(str(v)) for name, v in row.mapping("request_properties", "properties").items()}
    by_name = {name.lower(): value for name, value in properties.items()}
    status = _status(row)
    failed = status >= 400 or status in (_TIMEOUT, _CANCELLED, _THREAT)
    hit = row.text("cache_reference_id") not in _NO_CACHE
    usage, note = _usage(row, model, options.cached)
    special = (
        "feature",
        "tenant",
        "environment",
        "helicone-session-id",
        "helicone-session-name",
        "helicone-session-path",
    )
    return Call(
        source="helicone",
        key=key,
        start=start,
        end=end_of(start, row.time("response_created_at"), seconds=_seconds(row)),
        model=model,
        provider=provider_of(row.text("provider")),
        operation="embeddings" if "embedding" in row.text("request_path") else "chat",
        usage=usage,
        # Nothing else of the answer is looked at.
        response_id=_answer_id(row),
        their_cost_usd=row.usd("cost", "costUSD", "cost_usd"),
        gateway_cache=hit,
        failed=failed,
        error_type={_TIMEOUT: "timeout", _CANCELLED: "cancelled", _THREAT: "threat"}.get(status, str(status))
        if failed
        else "",
        # What Helicone holds back as an attack never reached the provider.
        http_status=403 if status == _THREAT else max(0, status),
        feature=row.at(options.feature_from) if options.feature_from else by_name.get("feature", ""),
        workflow=by_name.get("helicone-session-name", ""),
        prompt=row.name("prompt_id", "prompt_name"),
        provider_key=row.name("key_name"),
        tenant=by_name.get("tenant", ""),
        user_id=row.name("request_user_id", "helicone_user"),
        session_id=by_name.get("helicone-session-id", ""),
        environment=by_name.get("environment", ""),
        tags={name: value for name, value in properties.items() if name.lower() not in special and value},
        note=note,
    )


def _usage(row: Row, model: str, cached: Cached) -> tuple[Usage, str]:
    """Tokens, and how it was decided where cached ones stand: Helicone passes on what the provider tells, of OpenAI
    with the cached tokens in it, of Anthropic without.
    """
    told_in, told_out = row.tokens("prompt_tokens"), row.tokens("completion_tokens")
    read = row.tokens("prompt_cache_read_tokens") or 0
    write = row.tokens("prompt_cache_write_tokens") or 0
    reasoning = row.tokens("reasoning_tokens") or 0
    total = row.tokens("total_tokens")
    if not (told_in or told_out or read or write):
        return Usage(), ""
    note = ""
    in_and_out = (told_in or 0) + (told_out or 0)
    beside = False
    if read + write:
        if cached is not Cached.AUTO:
            beside = cached is Cached.BESIDE
        elif read + write > (told_in or 0) or total == in_and_out + read + write:
            beside = True
        else:
            beside = "claude" in model.lower() or row.text("provider").upper() == "ANTHROPIC"
            note = f"cached tokens taken as {'beside' if beside else 'part of'} the input, by the provider"
    return Usage(
        input=None if told_in is None and not read + write else (told_in or 0) + (read + write if beside else 0),
        output=told_out,
        cache_read=read,
        cache_write=write,
        audio_input=row.tokens("prompt_audio_tokens") or 0,
        reasoning=min(reasoning, told_out or 0),
        audio_output=row.tokens("completion_audio_tokens") or 0,
    ), note


def _answer_id(row: Row) -> str:
    answer: Any = row.mapping("response_body")
    told = answer.get("id")
    return as_name(told) if isinstance(told, str) else ""


def _status(row: Row) -> int:
    told = row.text("response_status")
    if not told:
        return 0
    if not re.fullmatch(r"-?\d{1,3}", told):
        raise BadRow(f"response_status is {told[:40]!r}: not an HTTP status")
    return int(told)


def _seconds(row: Row) -> float:
    told = row.text("delay_ms", "latency")
    return float(told) / 1000 if re.fullmatch(r"\d{1,9}(\.\d+)?", told) else 0.0
