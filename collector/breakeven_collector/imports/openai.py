"""OpenAI's `/v1/organization/costs` and `/v1/organization/usage/…`, as pages in JSON or as the dashboard's CSV.

Fields after OpenAI's OpenAPI description, as its Python library 3.57 has it (openai.types.admin.organization).
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from breakeven_collector.imports.lines import Account, BadRow, Line, count, moment, money, open_on, quantity, text
from breakeven_collector.imports.pages import Shape, inner
from breakeven_collector.prices import context_text

ENDPOINTS: Final = (
    *("completions", "embeddings", "moderations", "images", "audio_speeches", "audio_transcriptions"),
    *("vector_stores", "code_interpreter_sessions", "file_search_calls", "web_search_calls"),
)
"""Of usage; each is replaced by itself."""
_OBJECTS: Final = {
    **{f"organization.usage.{name}.result": name for name in ENDPOINTS},
    "organization.usage.file_searches.result": "file_search_calls",
    "organization.usage.web_searches.result": "web_search_calls",
    "organization.costs.result": "costs",
}
_BY: Final = frozenset({"object", "project_id", "user_id", "api_key_id", "model", "api_source"})
_TOKENS: Final = frozenset(
    {
        *("input_tokens", "output_tokens", "num_model_requests", "batch", "service_tier"),
        *("input_cached_tokens", "input_uncached_tokens", "input_text_tokens", "output_text_tokens"),
        *("input_cached_text_tokens", "input_audio_tokens", "input_cached_audio_tokens", "output_audio_tokens"),
        *("input_image_tokens", "input_cached_image_tokens", "output_image_tokens"),
        *("input_cache_write_tokens", "input_cache_write_30m_tokens", "input_cache_write_12h_tokens"),
    }
)
_COUNTED: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    "embeddings": (("input_tokens", "uncached_tokens", "tokens"), ("num_model_requests", "requests", "requests")),
    "moderations": (("input_tokens", "uncached_tokens", "tokens"), ("num_model_requests", "requests", "requests")),
    "images": (("images", "image", "images"), ("num_model_requests", "requests", "requests")),
    "audio_speeches": (("characters", "character", "characters"), ("num_model_requests", "requests", "requests")),
    "audio_transcriptions": (("seconds", "audio_second", "seconds"), ("num_model_requests", "requests", "requests")),
    "vector_stores": (("usage_bytes", "vector_store_bytes", "bytes"),),
    "code_interpreter_sessions": (("num_sessions", "code_interpreter_session", "sessions"),),
    "file_search_calls": (("num_requests", "file_search", "calls"),),
    "web_search_calls": (("num_requests", "web_search", "calls"), ("num_model_requests", "requests", "requests")),
}
"""Endpoint → field, our meter, unit."""
_BESIDE: Final = frozenset({"size", "source", "vector_store_id", "context_level"})
_COSTS: Final = _BY | {"amount", "line_item", "quantity", "quantity_unit", "organization_id", "organization_name"}
_KINDS: Final = {
    **dict.fromkeys(("input", "input_tokens"), "uncached_tokens"),
    **dict.fromkeys(
        ("cached input", "cached_input", "cached_input_tokens", "input_cached_tokens"), "cache_read_tokens"
    ),
    **dict.fromkeys(("output", "output_tokens"), "output_tokens"),
}
_CSV_TIMES: Final = ("start_time", "end_time", "start_time_iso", "end_time_iso")


def read_csv_row(account: Account, row: Mapping[str, str | None], *, now: datetime) -> None:
    """Take a row of the dashboard's export: the fields of a result, with its bucket's times.

    Raises:
        BadRow: it cannot be read.
    """
    fields: dict[str, Any] = {name: value or None for name, value in row.items() if name not in _CSV_TIMES}
    start = moment(row.get("start_time") or row.get("start_time_iso"), "start_time")
    end = moment(row.get("end_time") or row.get("end_time_iso"), "end_time")
    if "amount_value" in fields:
        amount = {"value": fields.pop("amount_value"), "currency": fields.pop("amount_currency", None)}
        fields |= {"object": "organization.costs.result", "amount": amount}
        if amount["value"] is None:
            account.cover(("costs", ""), start, end)
            return
    else:
        endpoint = _endpoint_of(fields)
        account.cover(("usage", endpoint), start, end)
        if all(fields.get(name) is None for name in ("num_model_requests", "input_tokens", "num_requests")) and all(
            fields.get(name) is None for name, _, _ in _COUNTED.get(endpoint, ())
        ):
            return
        fields["object"] = f"organization.usage.{endpoint}.result"
    if isinstance(said := fields.get("batch"), str):
        fields["batch"] = said.lower() in ("true", "1")
    part, lines = _take(account, fields, start, end, now)
    account.cover(part, start, end)
    account.lines += lines


def _endpoint_of(fields: Mapping[str, Any]) -> str:
    if "output_tokens" in fields:
        return "completions"
    found = [name for name, counted in _COUNTED.items() if counted[0][0] in fields and counted[0][0] != "input_tokens"]
    if len(found) == 1:
        return found[0]
    raise BadRow(
        f"columns {', '.join(sorted(fields))} do not tell which usage this is; take the JSON of the API instead"
    )


def _take(
    account: Account, fields: dict[str, Any], start: datetime, end: datetime, now: datetime
) -> tuple[tuple[str, str], list[Line]]:
    endpoint = _OBJECTS.get(str(fields.get("object")))
    if endpoint is None:
        raise BadRow(f"object is {fields.get('object')!r}: not a result of costs or usage that is known")
    common: dict[str, Any] = {
        "provider": "openai",
        "from_time": start,
        "to_time": end,
        "provider_project": text(fields.get("project_id"), "project_id"),
        "key_id": text(fields.get("api_key_id"), "api_key_id"),
        "open": open_on((end - timedelta(seconds=1)).astimezone(UTC).date(), now),
    }
    if endpoint == "costs":
        return ("costs", ""), [_cost(account, fields, common)]
    common |= {"report": "usage", "part": endpoint, "model": text(fields.get("model"), "model")}
    if endpoint == "completions":
        account.unknown(fields, _BY | _TOKENS, endpoint)
        common["price_context"] = _context(fields)
        counts = _tokens(account, fields)
    else:
        counted = _COUNTED[endpoint]
        account.unknown(fields, _BY | _BESIDE | {name for name, _, _ in counted}, endpoint)
        common["item"] = " ".join(text(fields.get(name), name) for name in sorted(_BESIDE) if fields.get(name))
        counts = [(meter, count(fields, name), unit) for name, meter, unit in counted]
    return ("usage", endpoint), [
        Line(**common, meter=meter, quantity=number, unit=unit) for meter, number, unit in counts if number
    ]


SHAPE: Final = Shape(
    "start_time",
    "end_time",
    ("results", "result"),
    frozenset({"object", "data", "has_more", "next_page"}),
    frozenset({"object", "start_time", "end_time", "results", "result", "start_time_iso", "end_time_iso"}),
    _take,
)


def _cost(account: Account, fields: dict[str, Any], common: dict[str, Any]) -> Line:
    account.unknown(fields, _COSTS, "costs")
    amount = inner(fields, "amount")
    if amount.get("value") is None:
        raise BadRow(f"amount is {fields.get('amount')!r}: not a value with a currency")
    value = money(amount["value"], "amount.value")
    currency = text(amount.get("currency"), "amount.currency").upper()
    item = text(fields.get("line_item"), "line_item")
    model, comma, kind = item.rpartition(", ")
    meter = _KINDS.get(kind.strip().lower(), "") if comma else ""
    number = fields.get("quantity")
    return Line(
        **common,
        report="costs",
        part="",
        item=item,
        model=model if meter else "",
        meter=meter,
        quantity=None if number is None else quantity(number, "quantity"),
        unit=text(fields.get("quantity_unit"), "quantity_unit"),
        amount=value,
        currency=currency,
        amount_usd=value if currency == "USD" else None,
    )


def _tokens(account: Account, fields: Mapping[str, Any]) -> list[tuple[str, Decimal, str]]:
    """Disjoint counts: OpenAI's input includes what was cached, written to the cache, audio and images."""
    total, cached = count(fields, "input_tokens"), count(fields, "input_cached_tokens")
    kept_long = count(fields, "input_cache_write_12h_tokens")
    written = max(count(fields, "input_cache_write_tokens"), kept_long + count(fields, "input_cache_write_30m_tokens"))
    rest = total - cached - written
    if rest < 0:
        raise BadRow(f"input_tokens is {total}: less than the {cached + written} of them that are cached")
    audio, image = count(fields, "input_audio_tokens"), count(fields, "input_image_tokens")
    if audio + image > rest:
        account.warnings["completions: more audio and image tokens than uncached input; the excess was not taken"] += 1
        audio = min(audio, rest)
        image = min(image, rest - audio)
    output, spoken = count(fields, "output_tokens"), count(fields, "output_audio_tokens")
    if spoken > output:
        raise BadRow(f"output_audio_tokens is {spoken}: more than output_tokens, {output}")
    counts = (
        ("uncached_tokens", rest - audio - image),
        ("cache_read_tokens", cached),
        ("cache_write_5m_tokens", written - kept_long),
        ("cache_write_12h_tokens", kept_long),
        ("audio_input_tokens", audio),
        ("image_input_tokens", image),
        ("output_tokens", output - spoken),
        ("audio_output_tokens", spoken),
    )
    return [
        *((meter, number, "tokens") for meter, number in counts),
        ("requests", count(fields, "num_model_requests"), "requests"),
    ]


def _context(fields: Mapping[str, Any]) -> str:
    tier = text(fields.get("service_tier"), "service_tier").lower()
    batch = fields.get("batch") is True or tier == "batch"
    plain = tier in ("", "auto", "default", "standard", "batch")
    return context_text({"service_tier": "" if plain else tier, "processing": "batch" if batch else ""})
