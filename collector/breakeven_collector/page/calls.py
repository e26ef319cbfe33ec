"""Calls: a screenful of those that fit, and all that is known of one."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from breakeven_collector.errors import BadRequest
from breakeven_collector.page.call_prices import NEAR_SECONDS, call_key, price_lines, price_rows, sum_of, total
from breakeven_collector.page.tables import Column, TableOf
from breakeven_collector.page.view import UNALLOCATED, View
from breakeven_collector.projects import of_project
from breakeven_collector.report import usd
from breakeven_collector.store import Store

MOST: Final = 50
_ID: Final = re.compile(r"(\d{1,17})-([0-9A-F]{0,64})-([0-9A-F]{0,64})\Z")
_MOST_RELATED: Final = 30
_LOOKS_BACK_SECONDS: Final = (3_600, 86_400, 7 * 86_400, 2**31)
_ANY: Final = {
    **dict.fromkeys(("environment", "service", "provider", "model", "status", "text", "trace", "feature"), ""),
    "any_feature": True,
    "identity": 0,
}
_TOKENS: Final = (
    *("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "audio_input_tokens"),
    *("image_input_tokens", "output_tokens", "reasoning_tokens", "audio_output_tokens", "image_output_tokens"),
)
_TEXTS: Final = (
    *("project", "environment", "service", "task", "tenant", "user_id", "session_id", "scope", "operation"),
    *("provider", "model", "price_context", "response_id", "error_type", "source"),
)
COLUMNS: Final = (
    Column("at", "Time (UTC)", "link"),
    Column("feature", "Feature"),
    Column("cost_usd", "Cost", "spend"),
    Column("model", "Model"),
    Column("input_tokens", "Input", "tokens"),
    Column("output_tokens", "Output", "tokens"),
    Column("seconds", "Took", "seconds"),
    Column("tenant", "Tenant"),
    Column("service", "Service"),
    Column("state", "State"),
)

Document = dict[str, Any]
"""A call: id, at, the texts of `calls` (None: not told), feature (names, joined), tokens as reported (None: not
reported), seconds, failed, http_status, basis, meters (name → decimal string), counted (`yes`, `duplicate`, `wrapper`),
cost_usd and estimated_usd (decimal strings, None: not known), unpriced_reason."""


def list_calls(store: Store, view: View, *, most: int = MOST) -> dict[str, Any]:
    """The document of `/api/calls`: `calls`, the newest first, and `before`, for the next screenful (None: no more).

    Raises:
        StoreError: the store cannot be read.
    """
    start, over = (int(moment.timestamp()) for moment in (view.period.start, view.period.over))
    asked = {
        **_ANY,
        **of_project(view.project),
        **view.filters,
        **view.of_feature(),
        "to": over,
        "before_us": view.before_us if view.before_us is not None else over * 1_000_000,
        "status": view.status,
        "text": view.text,
        "most": most + 1,
    }
    newest = int(view.period.end.timestamp()) if view.before_us is None else view.before_us // 1_000_000
    found: list[dict[str, Any]] = []
    for seconds in _LOOKS_BACK_SECONDS:
        # A screenful seldom takes the whole period: a store may hold a hundred million calls.
        first = max(start, newest - seconds)
        found = store.query_file("page_calls", {**asked, "from": first})
        if len(found) > most or first == start:
            break
    shown = found[:most]
    if len(found) > most:
        # The next screenful begins before a moment: calls of one moment stay on one, unless they fill it.
        shown = [call for call in shown if call["at_us"] > found[most]["at_us"]] or shown
    priced = price_rows(store, shown)
    return {
        "calls": [_document(call, priced.get(f"{call['project']}/{call_key(call)}", [])) for call in shown],
        "before": shown[-1]["at_us"] if len(found) > most else None,
    }


def calls_table(document: Mapping[str, Any], view: View) -> TableOf:
    """The same for people."""
    rows = [
        {
            **call,
            "at": call["at"],
            "href": view.link(f"/calls/{call['id']}", before_us=None, text="", status=""),
            "cost_usd": _both(call),
            "is_estimate": call["estimated_usd"] is not None,
            "state": state(call),
            # Where there is no room for the columns of both.
            "below": "; ".join(part for part in (call["model"], state(call)) if part),
        }
        for call in document["calls"]
    ]
    return TableOf("calls", "Calls, the newest first", COLUMNS, rows, empty="No call fits.")


def _both(call: Mapping[str, Any]) -> str | None:
    parts = [Decimal(call[key]) for key in ("cost_usd", "estimated_usd") if call[key] is not None]
    return usd(sum(parts, Decimal(0))) if parts else None


def state(call: Mapping[str, Any]) -> str:
    """What is odd about a call, in words."""
    words = (
        [] if call["counted"] == "yes" else [f"removed: {call['counted']}" if call["counted"] else "not counted yet"]
    )
    if call["failed"]:
        words.append(call["error_type"] or (f"HTTP {call['http_status']}" if call["http_status"] else "failed"))
    if call["unpriced_reason"]:
        words.append(call["unpriced_reason"])
    if call["is_retry"]:
        words.append("retry")
    if call["source"]:
        words.append(f"imported from {call['source']}")
    return "; ".join(words)


def show_call(store: Store, call_id: str, project: str | None) -> dict[str, Any]:
    """The document of `/api/calls/{id}`: `call`, `lines` (what, quantity, rate_usd, usd), `lines_usd` (their sum),
    `prices` (source, factor, since, tier_start), `paid_by` (features by share), `related` (other reports of the same
    call and calls of the same trace, with what became of them), and `why` it is removed, if it is.

    Raises:
        StoreError: the store cannot be read.
        BadRequest: 404: there is no such call, or it is kept no longer.
    """
    matched = _ID.match(call_id)
    nothing = BadRequest(404, "there is no such call, or it is kept no longer")
    if matched is None:
        raise nothing
    at_us, trace, span = int(matched[1]), matched[2], matched[3]
    second = at_us // 1_000_000
    if not 0 < second < 2**32 - 2 * NEAR_SECONDS:
        raise nothing
    near = {
        **_ANY,
        **of_project(project),
        "from": second - second % 60 - NEAR_SECONDS,
        "to": second - second % 60 + 60 + NEAR_SECONDS,
        "before_us": (second + 2 * NEAR_SECONDS) * 1_000_000,
        "most": 1000,
    }
    of_trace = store.query_file("page_calls", {**near, "trace": trace, "text": "" if trace else span})
    call = next((one for one in of_trace if (one["at_us"], one["span"]) == (at_us, span)), None)
    if call is None:
        raise nothing
    near |= of_project(call["project"])
    same = store.query_file("page_calls", {**near, "identity": call["identity"]})
    related = {
        call_key(one): one
        for one in (*same, *(of_trace if trace else ()))
        if one["project"] == call["project"] and call_key(one) != call_key(call)
    }
    others = sorted(related.values(), key=lambda one: abs(one["at_us"] - at_us))[:_MOST_RELATED]
    priced = price_rows(store, [call, *others])
    rows = priced.get(f"{call['project']}/{call_key(call)}", [])
    lines, prices = price_lines(store, call["project"], rows)
    document = _document(call, rows)
    documents = [_document(one, priced.get(f"{one['project']}/{call_key(one)}", [])) for one in others]
    for one, raw in zip(documents, others, strict=True):
        one["is_same_call"] = raw["identity"] == call["identity"]
    return {
        "call": document,
        "lines": [line.document() for line in lines],
        "lines_usd": usd(sum_of(lines)),
        "prices": prices,
        "paid_by": [
            {"feature": row["feature"] or None, "source": row["feature_source"] or None, "share": usd(row["weight"])}
            for row in rows
            if not row["meter"]
        ],
        "related": documents,
        "why": _why(document, documents),
    }


def _why(call: Mapping[str, Any], related: Sequence[Mapping[str, Any]]) -> str | None:
    counted = next((one for one in related if one["is_same_call"] and one["counted"] == "yes"), None)
    if call["counted"] == "duplicate":
        of = f" The one that counts is of {counted['scope']}." if counted and counted["scope"] else ""
        return f"Another instrumentation reported the same call, with the same response id or the same usage.{of}"
    if call["counted"] == "wrapper":
        return (
            "It stands around another call, or inside one, in the same trace and repeats its usage or reports none of "
            "its own: the other one counts."
        )
    return None


def _document(call: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Document:
    names = [name or UNALLOCATED for name in dict.fromkeys(row["feature"] for row in rows) or call["names"]]
    return {
        "id": f"{call['at_us']}-{call_key(call)}",
        "at": datetime.fromtimestamp(call["at_us"] / 1e6, UTC).isoformat(timespec="milliseconds"),
        **{name: call[name] or None for name in _TEXTS},
        "trace_id": call["trace"].lower() or None,
        "span_id": call["span"].lower() or None,
        "parent_span_id": call["parent"].lower() or None,
        "feature": ", ".join(names),
        **{name: call[name] for name in _TOKENS},
        "meters": {name: usd(quantity) for name, quantity in call["meters"].items()},
        "reported_cost_usd": usd(call["reported_cost_usd"]),
        "their_cost_usd": usd(call["their_cost_usd"]),
        "seconds": call["duration_us"] / 1e6,
        "is_streamed": bool(call["stream"]),
        "failed": bool(call["failed"]),
        "http_status": call["http_status"] or None,
        "is_retry": bool(call["retry"]),
        "mended": list(call["mended"]),
        "basis": rows[0]["basis"] if rows else call["basis"],
        "counted": rows[0]["counted"] if rows else "",
        "cost_usd": usd(total(rows, "cost_usd")),
        "estimated_usd": usd(total(rows, "estimated_usd")),
        "avoided_usd": usd(total(rows, "avoided_usd")),
        "unpriced_reason": next((row["unpriced_reason"] for row in rows if row["unpriced_reason"]), None),
    }
