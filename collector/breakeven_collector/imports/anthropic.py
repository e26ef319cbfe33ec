"""Anthropic's `/v1/organizations/usage_report/messages` and `/cost_report`.

Fields after platform.claude.com/docs/en/api/admin (usage_report, cost_report). Amounts there are cents, as a text.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from breakeven_collector.imports.lines import Account, BadRow, Line, count, money, open_on, text
from breakeven_collector.imports.pages import Shape, inner
from breakeven_collector.prices import context_text

_BY: Final = frozenset(
    {"workspace_id", "model", "service_tier", "context_window", "inference_geo", "speed", "service_account_id"}
)
_USAGE: Final = _BY | {
    *("api_key_id", "account_id", "uncached_input_tokens", "cache_creation", "cache_read_input_tokens"),
    *("output_tokens", "server_tool_use"),
}
_COSTS: Final = _BY | {"amount", "currency", "cost_type", "description", "token_type"}
_TOKEN_TYPES: Final = {
    "uncached_input_tokens": "uncached_tokens",
    "cache_read_input_tokens": "cache_read_tokens",
    "cache_creation.ephemeral_5m_input_tokens": "cache_write_5m_tokens",
    "cache_creation.ephemeral_1h_input_tokens": "cache_write_1h_tokens",
    "output_tokens": "output_tokens",
}
_COST_TYPES: Final = {
    "web_search": "web_search",
    "code_execution": "code_execution",
    "session_usage": "session",
}
_PLAIN_TIERS: Final = ("", "standard", "batch")


def _take(
    account: Account, fields: dict[str, Any], start: datetime, end: datetime, now: datetime
) -> tuple[tuple[str, str], list[Line]]:
    if "amount" in fields:
        return ("costs", ""), [_cost(account, fields, start, end, now)]
    return ("usage", "messages"), list(_usage(account, fields, start, end, now))


SHAPE: Final = Shape(
    "starting_at",
    "ending_at",
    ("results",),
    frozenset({"data", "has_more", "next_page"}),
    frozenset({"starting_at", "ending_at", "results"}),
    _take,
)


def _common(fields: Mapping[str, Any], start: datetime, end: datetime, now: datetime) -> dict[str, Any]:
    tier, speed = (text(fields.get(name), name).lower() for name in ("service_tier", "speed"))
    return {
        "provider": "anthropic",
        "from_time": start,
        "to_time": end,
        "provider_project": text(fields.get("workspace_id"), "workspace_id"),
        "key_id": text(fields.get("api_key_id"), "api_key_id"),
        "model": text(fields.get("model"), "model"),
        "price_context": context_text(
            {
                "service_tier": "" if tier in _PLAIN_TIERS else tier,
                "processing": "batch" if tier == "batch" else "",
                "speed": "" if speed == "standard" else speed,
            }
        ),
        "open": open_on((end - timedelta(seconds=1)).astimezone(UTC).date(), now),
    }


def _usage(account: Account, fields: dict[str, Any], start: datetime, end: datetime, now: datetime) -> Iterator[Line]:
    account.unknown(fields, _USAGE, "usage")
    if not fields.keys() & {"uncached_input_tokens", "output_tokens", "server_tool_use"}:
        raise BadRow("neither an amount nor tokens: not a result of cost_report or usage_report/messages")
    common: dict[str, Any] = {**_common(fields, start, end, now), "report": "usage", "part": "messages"}
    common["item"] = text(fields.get("context_window"), "context_window")
    written, tools = inner(fields, "cache_creation"), inner(fields, "server_tool_use")
    account.unknown(written, frozenset({"ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"}), "cache_creation")
    counts = [
        ("uncached_tokens", count(fields, "uncached_input_tokens"), "tokens"),
        ("cache_read_tokens", count(fields, "cache_read_input_tokens"), "tokens"),
        ("cache_write_5m_tokens", count(written, "ephemeral_5m_input_tokens"), "tokens"),
        ("cache_write_1h_tokens", count(written, "ephemeral_1h_input_tokens"), "tokens"),
        ("output_tokens", count(fields, "output_tokens"), "tokens"),
        # web_search_requests, and whatever tool the provider adds.
        *((name.removesuffix("_requests"), count(tools, name), "requests") for name in tools),
    ]
    for meter, number, unit in counts:
        if number:
            yield Line(**common, meter=meter, quantity=number, unit=unit)


def _cost(account: Account, fields: dict[str, Any], start: datetime, end: datetime, now: datetime) -> Line:
    account.unknown(fields, _COSTS, "costs")
    if not isinstance(fields["amount"], str):
        raise BadRow(f"amount is {fields['amount']!r}: not a text with cents")
    currency = text(fields.get("currency"), "currency").upper()
    # The lowest unit of the currency; all that is documented is USD, with cents.
    amount = money(money(fields["amount"], "amount").scaleb(-2), "amount")
    cost_type, token_type = text(fields.get("cost_type"), "cost_type"), text(fields.get("token_type"), "token_type")
    meter = _TOKEN_TYPES.get(token_type, "") if cost_type == "tokens" else _COST_TYPES.get(cost_type, cost_type)
    return Line(
        **_common(fields, start, end, now),
        report="costs",
        part="",
        item=text(fields.get("description"), "description") or cost_type,
        meter=meter,
        amount=amount,
        currency=currency,
        amount_usd=amount if currency == "USD" else None,
    )
