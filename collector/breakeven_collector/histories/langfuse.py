"""Langfuse: observations, as the export to blob storage writes them (`observations_v2/`, or `observations/` of old), or
the export of the page and the API, whose names are in camel case. Columns: langfuse.com/docs, "Blob storage export
field reference".
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from breakeven_collector.histories.call import Call, Usage, end_of, provider_of
from breakeven_collector.histories.fields import BadRow, Row, as_mapping, as_name, as_tokens, as_usd, tags_of
from breakeven_collector.histories.reading import Cached, NotACall, Options

_KNOWN_NAMES: Final = """
    id trace_id project_id environment type parent_observation_id start_time end_time name metadata level
    status_message version input output provided_model_name model internal_model_id internal_model model_parameters
    usage_details cost_details provided_usage_details provided_cost_details usage completion_start_time prompt_name
    prompt_version total_cost latency time_to_first_token model_id created_at updated_at prompt_id tool_calls
    tool_call_names tool_definitions usage_pricing_tier_id usage_pricing_tier_name input_price output_price
    total_price bookmarked public release session_id tags trace_name trace_tags user_id prompt_tokens
    completion_tokens total_tokens input_usage output_usage total_usage calculated_input_cost calculated_output_cost
    calculated_total_cost input_cost output_cost unit comments trace_timestamp timestamp has_children is_app_root
    parent_span_id
"""
KNOWN: Final = frozenset(_KNOWN_NAMES.split())

_READ_NAMES: Final = """
    input_cached_tokens input_cache_read cache_read_input_tokens input_cache_read_tokens cached_tokens
    input_cached_text_tokens cached_content_token_count
"""
_READ: Final = frozenset(_READ_NAMES.split())
_WRITE_NAMES: Final = """
    input_cache_creation cache_creation_input_tokens input_cache_creation_tokens input_cache_write
    cache_write_tokens input_cache_creation_5m input_cache_creation_1h
"""
_WRITE: Final = frozenset(_WRITE_NAMES.split())
_REASONING: Final = frozenset(
    ("output_reasoning_tokens output_reasoning reasoning_tokens thoughts_token_count output_reasoning_token").split()  # noqa: SIM905
)
_TOTAL_IN: Final = ("input", "input_tokens", "prompt_tokens", "prompt_token_count")
_TOTAL_OUT: Final = ("output", "output_tokens", "completion_tokens", "candidates_token_count")
_TOTAL: Final = ("total", "total_tokens", "total_token_count")
_ERROR_CODE: Final = re.compile(r"^(?:\w+: )?(?:Error code: |status_code: )?([1-5]\d\d)\b")


def read(row: Row, options: Options) -> Call:
    """The call of a row.

    Raises:
        NotACall: it is none of a model.
        BadRow: it cannot be read.
    """
    row = Row(row.file, row.line, {snake(name): value for name, value in row.values.items()})
    if not (key := row.text("id")):
        raise BadRow("no id: is this an export of observations?")
    kind = row.text("type").upper() or "GENERATION"
    # Agents, chains and tools repeat the sum of their calls; only these are calls.
    if kind not in ("GENERATION", "EMBEDDING"):
        raise NotACall(kind.lower())
    start = row.time("start_time")
    if start is None:
        raise BadRow("no start_time")
    metadata = row.mapping("metadata")
    attributes = as_mapping(metadata.get("attributes"))
    tags = dict(tags_of(row.list("tags", "trace_tags")))
    feature = (
        row.at(options.feature_from)
        if options.feature_from
        else _name(metadata.get("feature")) or _name(attributes.get("breakeven.feature")) or tags.get("feature", "")
    )
    failed = row.text("level").upper() == "ERROR"
    told = _ERROR_CODE.match(row.text("status_message")) if failed else None
    usage, note = _usage(_details(row), options.cached)
    return Call(
        source="langfuse",
        key=f"{row.text('project_id')}\0{key}",
        start=start,
        end=end_of(start, row.time("end_time")),
        model=row.name("provided_model_name", "model", "internal_model_id", "internal_model"),
        provider=provider_of(
            _name(attributes.get("gen_ai.provider.name"))
            or _name(attributes.get("gen_ai.system"))
            or _name(metadata.get("ls_provider"))
        ),
        operation="embeddings" if kind == "EMBEDDING" else "chat",
        usage=usage,
        response_id=_name(attributes.get("gen_ai.response.id")) or _name(metadata.get("response_id")),
        otel_trace_id=row.text("trace_id"),
        otel_span_id=key,
        their_cost_usd=_cost(row),
        failed=failed,
        error_type="error" if failed else "",
        http_status=int(told[1]) if told else 0,
        feature=feature,
        workflow=row.name("trace_name"),
        prompt=row.name("prompt_name"),
        tenant=_name(metadata.get("tenant")),
        user_id=row.name("user_id"),
        session_id=row.name("session_id"),
        environment=row.name("environment"),
        tags={name: value for name, value in tags.items() if name != "feature"},
        note=note,
    )


def _details(row: Row) -> dict[str, int]:
    """Usage by kind, whole numbers only; objects in it as `parent.child`."""
    told = row.mapping("usage_details") or row.mapping("provided_usage_details") or row.mapping("usage")
    found: dict[str, int] = {}
    for name, value in told.items():
        if isinstance(value, dict):
            inside = as_mapping(value)
            found |= {
                f"{name}.{key}": as_tokens(n, f"usage_details.{name}.{key}")
                for key, n in inside.items()
                if n is not None
            }
        elif value is not None and value != "" and name != "unit":
            found[name] = as_tokens(value, f"usage_details.{name}")
    if not found:
        for name, columns in (
            ("input", ("prompt_tokens", "input_usage")),
            ("output", ("completion_tokens", "output_usage")),
            ("total", ("total_tokens", "total_usage")),
        ):
            if (count := row.tokens(*columns)) is not None:
                found[name] = count
    return found


def _usage(details: Mapping[str, int], cached: Cached) -> tuple[Usage, str]:
    """Tokens, and how it was decided where cached ones stand.

    Langfuse prices each kind by itself, so its own integrations take the cached tokens out of `input`. Who sends usage
    by hand need not. The total that is told decides; else the names do: kinds that begin with `input_` are parts beside
    `input`, the details of OpenAI's names are inside the total.
    """
    first_in = next((details[name] for name in _TOTAL_IN if name in details), None)
    first_out = next((details[name] for name in _TOTAL_OUT if name in details), None)
    told_total = next((details[name] for name in _TOTAL if name in details), None)
    short = {name.rpartition(".")[2]: (name, count) for name, count in details.items()}
    read = max((count for key, (_, count) in short.items() if key in _READ), default=0)
    writes = {key: count for key, (_, count) in short.items() if key in _WRITE}
    parts_of_write = writes.get("input_cache_creation_5m", 0) + writes.get("input_cache_creation_1h", 0)
    write = max(
        parts_of_write, *(writes.get(key, 0) for key in _WRITE - {"input_cache_creation_5m", "input_cache_creation_1h"})
    )
    reasoning = max((count for key, (_, count) in short.items() if key in _REASONING), default=0)
    audio_in, audio_out = details.get("input_audio_tokens", 0), details.get("output_audio_tokens", 0)
    image_in = details.get("input_image_tokens", 0)
    known = {*_READ, *_WRITE, *_REASONING, *_TOTAL_IN, *_TOTAL_OUT, *_TOTAL}
    known |= {"input_audio_tokens", "output_audio_tokens", "input_image_tokens"}
    # Kinds that nobody has heard of yet are input or output by their names, as Langfuse itself sums them.
    more_in = sum(n for name, n in details.items() if name.startswith("input_") and name not in known)
    more_out = sum(n for name, n in details.items() if name.startswith("output_") and name not in known)
    if not details:
        return Usage(), ""
    parts_in = read + write + audio_in + image_in + more_in
    parts_out = reasoning + audio_out + more_out
    base = (first_in or 0) + (first_out or 0)
    nested = any("." in name for name in details)
    by_name = not nested and not any(
        name in details for name in ("cached_tokens", "prompt_tokens", "prompt_token_count", "reasoning_tokens")
    )
    note = ""
    if cached is not Cached.AUTO:
        beside_in = beside_out = cached is Cached.BESIDE
    elif told_total == base:
        beside_in = beside_out = False
    elif told_total == base + parts_in + parts_out:
        beside_in = beside_out = True
    elif told_total == base + parts_in:
        beside_in, beside_out = True, False
    else:
        beside_in = beside_out = by_name or parts_in > (first_in or 0)
        if read + write:
            note = f"cached tokens taken as {'beside' if beside_in else 'part of'} the input, by their names"
    return Usage(
        input=None if first_in is None and not parts_in else (first_in or 0) + (parts_in if beside_in else 0),
        output=None if first_out is None and not parts_out else (first_out or 0) + (parts_out if beside_out else 0),
        cache_read=read,
        cache_write=write,
        cache_write_1h=writes.get("input_cache_creation_1h", 0),
        audio_input=audio_in,
        image_input=image_in,
        reasoning=reasoning,
        audio_output=audio_out,
    ), note


def _cost(row: Row) -> Any:
    if (told := row.usd("total_cost", "calculated_total_cost")) is not None:
        return told
    costs = row.mapping("cost_details")
    if (total := costs.get("total")) is not None:
        return as_usd(total, "cost_details.total")
    amounts = [as_usd(value, f"cost_details.{name}") for name, value in costs.items() if value is not None]
    return sum(amounts) if amounts else None


def _name(value: Any) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    return as_name(str(value).strip().strip('"'))


def snake(name: str) -> str:
    """A name in camel case, as the page and the API write it, in the form of the export to blob storage."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name.strip()).replace(" ", "_").lower()
