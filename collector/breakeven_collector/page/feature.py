"""One feature: what it costs and why, who causes it, and where it stands."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from breakeven_collector.page.bands import Orientation
from breakeven_collector.page.outlook import HISTORY_DAYS, outlook_chart
from breakeven_collector.page.overview import forecast
from breakeven_collector.page.providers import Providers
from breakeven_collector.page.readers import READERS
from breakeven_collector.page.series import Cut, daily, month_start, read_spend, thirty_days
from breakeven_collector.page.tables import Column, TableOf
from breakeven_collector.page.verdict import decisions_table, verdict_tables
from breakeven_collector.page.view import UNALLOCATED, View
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.projects import of_project
from breakeven_collector.report import spent, usd

_KINDS: Final = (
    ("uncached_tokens", "input"),
    ("cache_read_tokens", "cache read"),
    ("cache_write_tokens", "cache write"),
    ("media_input_tokens", "audio and image input"),
    ("answer_tokens", "output"),
    ("reasoning_tokens", "reasoning"),
    ("media_output_tokens", "audio and image output"),
)
_SUMS: Final = ("calls", "failed_calls", "input_tokens", "output_tokens", *(key for key, _ in _KINDS))
_TOP: Final = 10


def build_feature(pipeline: Pipeline, view: View, providers: Providers) -> dict[str, Any]:
    """What the template shows.

    Raises:
        StoreError: the store cannot be read.
    """
    store, start = pipeline.store, month_start(view, HISTORY_DAYS)
    bands = Orientation(pipeline.settings.config)

    cuts = [Cut("model", by_day=True, start=start), Cut("tenant"), Cut("user_id")]
    reading = READERS.submit(read_spend, store, view, cuts)
    timing = READERS.submit(store.query_file, "page_latency", _latency(view))
    decisions = providers.decisions(view.project, view.feature)
    (days, tenants, users), latency = reading.result(), timing.result()
    first = view.period.start.date().isoformat()
    inside = [row for row in days if row["date"] >= first]
    totals = _sums(inside)
    long = daily(days, start.date(), view.period.last_day)
    whole = long.whole()
    monthly = thirty_days(whole)
    declared = pipeline.attribution.features().get(view.feature)
    advice = providers.advice(view.project)
    verdict = providers.verdict(view.project, view.feature)
    changes = None if verdict is None else providers.changes(view.project, view.feature)
    if verdict is not None:
        verdict = {**verdict, **(changes or {})}
    shown = long.since(view.period.start.date())
    seconds = {row["model"]: row for row in latency}
    return {
        "name": view.feature,
        "totals": totals,
        "cost_per_call_usd": _per_call(totals),
        "cached_share": _ratio(totals["cache_read_tokens"], totals["input_tokens"]),
        "declared": declared,
        "monthly_usd": monthly,
        "band": bands.of_feature(view.feature, monthly) if view.feature != UNALLOCATED else None,
        "bands": bands.lines(view.feature),
        "advice": (advice or {}).get(view.feature),
        "has_advice": advice is not None,
        "is_refused": bool(providers.config_error(view.project)),
        **(verdict_tables(verdict) if verdict else {"verdict": None}),
        "is_looking": changes is None,
        "decisions": decisions_table(decisions),
        "forecast": forecast(view, long),
        "kinds": _kinds(totals),
        "models": _models(inside, seconds),
        "tenants": _people("tenants", "Top tenants", "tenant", "(no tenant)", tenants),
        "users": _people("users", "Top users", "user", "(no user)", users),
        "errors": sorted({error for row in latency for error in row["errors"]}),
        "days_chart": _by_day(shown.days, shown.whole()),
        "outlook_chart": outlook_chart(long, verdict, bands.lines(view.feature), view),
        "prompts": _prompts(inside),
    }


def _latency(view: View) -> dict[str, Any]:
    return {
        **of_project(view.project),
        **view.filters,
        "feature": view.of_feature()["feature"],
        "start": int(view.period.start.timestamp()),
        "to": int(view.period.over.timestamp()),
    }


def _sums(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    sums: dict[str, Any] = {key: sum((row[key] for row in rows), Decimal(0)) for key in (*_SUMS, "unpriced_calls")}
    for key in ("cost_usd", "estimated_usd"):
        known = [row[key] for row in rows if row[key] is not None]
        sums[key] = sum(known, Decimal(0)) if known else None
    return {**sums, "spend_usd": spent(sums)}


def _per_call(sums: Mapping[str, Any]) -> str | None:
    """As the report has it: known dollars over the calls that have them."""
    calls = sums["calls"] - sums["unpriced_calls"]
    return None if sums["cost_usd"] is None or not calls else usd((sums["cost_usd"] / calls).quantize(Decimal("1e-9")))


def _ratio(part: Decimal, whole: Decimal) -> float | None:
    return float(part / whole) if whole else None


def _grouped(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    names = dict.fromkeys(row["name"] for row in rows)
    sums = {name: _sums([row for row in rows if row["name"] == name]) for name in names}
    return dict(sorted(sums.items(), key=lambda item: (-(item[1]["spend_usd"] or 0), item[0])))


def _kinds(totals: Mapping[str, Any]) -> TableOf:
    columns = (
        Column("kind", "Tokens"),
        Column("tokens", "Count", "tokens"),
        Column("per_call", "A call", "count"),
    )
    rows = [
        {"kind": label, "tokens": int(totals[key]), "per_call": round(totals[key] / totals["calls"])}
        for key, label in _KINDS
        if totals[key] and totals["calls"]
    ]
    return TableOf("kinds", "Tokens by kind", columns, rows)


def _models(rows: Sequence[Mapping[str, Any]], latency: Mapping[str, Mapping[str, Any]]) -> TableOf:
    columns = (
        Column("model", "Model"),
        Column("spend_usd", "Spend", "spend"),
        Column("share", "Share", "percent"),
        Column("calls", "Calls", "count"),
        Column("cost_per_call_usd", "A call", "small_money"),
        Column("failed_share", "Failed", "percent"),
        Column("median_seconds", "Median", "seconds"),
        Column("p95_seconds", "95 %", "seconds"),
    )
    grouped = _grouped(rows)
    whole = sum((sums["spend_usd"] or Decimal(0) for sums in grouped.values()), Decimal(0))
    shown = [
        {
            "model": name or "(no model told)",
            "spend_usd": usd(sums["spend_usd"]),
            "is_estimate": bool(sums["estimated_usd"]),
            "share": _ratio(sums["spend_usd"] or Decimal(0), whole),
            "calls": round(sums["calls"]),
            "cost_per_call_usd": _per_call(sums),
            "failed_share": _ratio(sums["failed_calls"], sums["calls"]),
            "median_seconds": latency[name]["seconds"][0] if name in latency else None,
            "p95_seconds": latency[name]["seconds"][1] if name in latency else None,
        }
        for name, sums in grouped.items()
    ]
    return TableOf("models", "Models in use", columns, shown)


def _people(name: str, caption: str, label: str, absent: str, rows: Sequence[Mapping[str, Any]]) -> TableOf:
    columns = (
        Column(label, label.capitalize()),
        Column("spend_usd", "Spend", "spend"),
        Column("share", "Share", "percent"),
        Column("calls", "Calls", "count"),
    )
    grouped = _grouped(rows)
    whole = sum((sums["spend_usd"] or Decimal(0) for sums in grouped.values()), Decimal(0))
    shown = [
        {
            label: one or absent,
            "spend_usd": usd(sums["spend_usd"]),
            "is_estimate": bool(sums["estimated_usd"]),
            "share": _ratio(sums["spend_usd"] or Decimal(0), whole),
            "calls": round(sums["calls"]),
        }
        for one, sums in list(grouped.items())[:_TOP]
    ]
    return TableOf(name, caption, columns, shown)


def _by_day(days: Sequence[Any], whole: Sequence[Decimal]) -> dict[str, Any]:
    """Spend a day."""
    return {
        "days": [day.isoformat() for day in days],
        "series": [{"name": None, "label": "spend a day", "others": 0, "usd": [usd(one) for one in whole]}],
    }


def _prompts(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """How much longer inputs became: tokens a call in the first and the last third of the days."""
    days = sorted({row["date"] for row in rows})
    third = len(days) // 3
    if third < 2:
        return None

    def per_call(of: Sequence[str]) -> Decimal | None:
        mine = [row for row in rows if row["date"] in of]
        calls = sum((row["calls"] for row in mine), Decimal(0))
        return sum((row["input_tokens"] for row in mine), Decimal(0)) / calls if calls else None

    before, after = per_call(days[:third]), per_call(days[-third:])
    if not before or after is None:
        return None
    return {"before": round(before), "after": round(after), "growth": float(after / before - 1)}
