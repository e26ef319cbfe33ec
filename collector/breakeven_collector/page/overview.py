"""The overview: what is spent, on what, what is behind the figures, and what to do next."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from breakeven_collector.economics.forecast import FIT_DAYS, month_end
from breakeven_collector.page.bands import Orientation
from breakeven_collector.page.providers import PENDING, Advice, Providers
from breakeven_collector.page.readers import READERS
from breakeven_collector.page.series import Cut, Daily, daily, month_start, read_spend, stacked, thirty_days
from breakeven_collector.page.tables import Column, TableOf
from breakeven_collector.page.view import UNALLOCATED, View
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.report import PARETO_SHARE, Dimension, build_report
from breakeven_collector.report_document import Report

_MOST_TOLD: Final = 3
_IDLE: Final = "nothing but to look again"
"""A verdict's next step where there is none."""
_WORTH: Final = Column("worth_usd", "Worth a month", "money")
_COLUMNS: Final = (
    Column("feature", "Feature", "link"),
    Column("owner", "Owner"),
    Column("spend_usd", "Spend", "spend"),
    Column("share", "Share", "percent"),
    Column("cumulative_share", "Running", "percent"),
    Column("trend", "Trend", "trend"),
    Column("spark", "30 days", "spark", csv=False),
    Column("budget_usd_per_month", "Budget a month", "money"),
    Column("next", "What to do next", "sentence"),
    _WORTH,
    Column("calls", "Calls", "count"),
    Column("cost_usd", "Known", page=False),
    Column("estimated_usd", "Estimated", page=False),
    Column("input_tokens", "Input", page=False),
    Column("cached_input_tokens", "Cached", page=False),
    Column("output_tokens", "Output", page=False),
)


def read_report(pipeline: Pipeline, view: View) -> Report:
    """The bill by feature, as `/api/report` tells it.

    Raises:
        StoreError: the store cannot be read.
    """
    return build_report(
        pipeline.store,
        by=Dimension.FEATURE,
        period=view.period,
        project=view.project,
        features=pipeline.attribution.features(),
        config_error=pipeline.attribution.config_error or None,
        only=view.filters,
    )


def build_overview(pipeline: Pipeline, view: View, providers: Providers) -> dict[str, Any]:
    """What the template shows.

    Raises:
        StoreError: the store cannot be read.
    """
    start = month_start(view)
    dimensions = list(dict.fromkeys(("feature", view.by)))
    cuts = [Cut(one, by_day=True, start=start) for one in dimensions]
    reading = READERS.submit(read_report, pipeline, view)
    spending = READERS.submit(read_spend, pipeline.store, view, cuts)
    report, spent = reading.result(), spending.result()
    # Only now: where it is not held, it would take the processor from what is shown at once.
    billed = _billed(providers, view)
    days = [daily(rows, start.date(), view.period.last_day) for rows in spent]
    features, chart = days[0], days[-1]
    advice = providers.advice(view.project)
    bands = Orientation(pipeline.settings.config)
    monthly = {name: thirty_days(usds) for name, usds in features.by_name.items()}
    return {
        "report": report,
        "billed": billed,
        "is_billed_pending": billed is PENDING,
        "forecast": forecast(view, features),
        "budget": _budget(report),
        "coverage": coverage(report, view),
        "table": features_table(report, features, monthly, advice, view, bands),
        "days_chart": stacked(chart.since(view.period.start.date()), view.by),
        "hosting": _hosting(monthly, advice, bands),
        "worth_doing": _worth_doing(advice),
        "removed": removed_table(report),
        "has_advice": advice is not None,
        "is_refused": bool(providers.config_error(view.project)),
        "total_band": bands.of_total(sum(monthly.values(), Decimal(0))),
    }


def _billed(providers: Providers, view: View) -> Mapping[str, Any] | None:
    if view.is_filtered:
        # A bill knows neither environments nor services.
        return None
    found = providers.billed(view.period, view.project)
    return {**found["totals"], "unseen_usd": found["unseen_usd"]} if found else found


def _budget(report: Report) -> Decimal | None:
    known = [Decimal(row["budget_usd_per_month"]) for row in report["features"] if row["budget_usd_per_month"]]
    return sum(known, Decimal(0)) if known else None


def forecast(view: View, spend: Daily) -> dict[str, Any] | None:
    """What the month will have cost; None where the view is not about a month that goes on."""
    if not view.is_month:
        return None
    usds, today = spend.whole(), spend.days[-1]
    month = [usd for day, usd in zip(spend.days, usds, strict=True) if day >= view.period.start.date()]
    # Today is not over: it counts among the days that are left.
    days_left = (view.month_end.date() - today).days
    whole = [float(usd) for usd in usds[:-1]][-FIT_DAYS:]
    found = month_end(
        float(sum(month[:-1], Decimal(0))), days_left, whole, weekday_of_last=(today - timedelta(days=1)).weekday()
    )
    return {"usd": found.p50_usd, "low_usd": found.p10_usd, "high_usd": found.p90_usd, "reason": found.reason}


def coverage(report: Report, view: View) -> list[dict[str, Any]]:
    """Figures beside the total, each with the way to what is behind it."""
    shares, totals, lost = report["coverage"], report["totals"], report["lost"]
    removed, late, retries = report["removed"], report["late"], report["retries"]
    estimated = totals["estimated_usd"]
    figures = [
        {
            "label": "allocated",
            "share": shares["allocated_usd"],
            "text": "of dollars to declared or mapped features",
            "href": f"{view.link('/setup')}#unallocated",
            "is_low": _below(shares["allocated_usd"], 0.9),
        },
        {
            "label": "priced",
            "share": shares["priced"],
            "text": f"of calls; {totals['unpriced_calls']:,} unpriced",
            "href": f"{view.link('/setup')}#unpriced",
            "is_low": _below(shares["priced"], 0.95),
        },
        {
            "label": "estimated",
            "usd": estimated,
            "share": shares["estimated_usd"] if estimated else None,
            "text": f"for {totals['estimated_calls']:,} calls without all of their usage" if estimated else "nothing",
            "href": view.link("/calls", status="missing"),
            "is_low": (shares["estimated_usd"] or 0) > 0.05,
        },
        {
            "label": "removed",
            "usd": removed["cost_usd"],
            "text": f"{removed['duplicate_calls']:,} duplicates, {removed['wrapper_calls']:,} wrappers: counted once",
            "href": "#removed",
        },
        {
            "label": "lost on the way",
            "count": lost["spans"] if lost["numbered"] else None,
            "text": f"of {lost['numbered']:,} numbered spans" if lost["numbered"] else "not known: no span is numbered",
            "href": f"{view.link('/setup')}#connect",
            "is_low": bool(lost["spans"]),
        },
    ]
    if retries["calls"]:
        text = f"for {retries['calls']:,} calls that repeat an attempt"
        figures.append({"label": "retries", "usd": retries["cost_usd"], "text": text, "href": view.link("/calls")})
    if late["calls"]:
        text = f"{late['calls']:,} calls came after their minutes were sealed"
        figures.append({"label": "late", "usd": late["cost_usd"], "text": text, "href": view.link("/calls")})
    return figures


def _below(share: float | None, least: float) -> bool:
    return share is not None and share < least


def features_table(
    report: Report,
    spend: Daily,
    monthly: Mapping[str, Decimal],
    advice: Mapping[str, Advice] | None,
    view: View,
    bands: Orientation,
) -> TableOf:
    """The features, the dearest first, ruled where they make 80 % of the bill."""
    rows: list[dict[str, Any]] = []
    ruled = 0
    for row in report["features"]:
        name = row["feature"] or ""
        advised = (advice or {}).get(name)
        share = row["cumulative_share"]
        if not ruled and share is not None and Decimal(str(share)) >= PARETO_SHARE:
            ruled = len(rows) + 1
        known, estimated = Decimal(row["cost_usd"] or 0), Decimal(row["estimated_usd"] or 0)
        is_known = row["cost_usd"] is not None or row["estimated_usd"] is not None
        budget = row["budget_usd_per_month"]
        over = bool(budget) and monthly.get(name, Decimal(0)) > Decimal(budget or 0)
        step = advised.next_action if advised else _next(row, monthly.get(name, Decimal(0)), bands)
        rows.append(
            {
                **row,
                "feature": row["feature"] or UNALLOCATED,
                "href": view.link("/feature", feature=row["feature"] or UNALLOCATED),
                "mark": "inferred" if name and not row["allocated_calls"] else "",
                "spend_usd": str(known + estimated) if is_known else None,
                "is_estimate": estimated > 0,
                "over_budget": over,
                "spark": [float(usd) for usd in spend.by_name.get(name, ())][-30:],
                "next": step,
                # Where there is no room for the columns of both.
                "below": _short(step, over=over),
                "is_idle": step == _IDLE,
                "worth_usd": advised.worth_usd_per_month if advised else None,
            }
        )
    # Without verdicts nothing is worth anything yet.
    columns = [replace(one, page=advice is not None) if one is _WORTH else one for one in _COLUMNS]
    return TableOf("features", "Features, the dearest first", columns, rows, ruled, "No calls yet.")


def _short(step: str, *, over: bool) -> str:
    told = "" if step == _IDLE else step
    return "; ".join(part for part in ("over budget" if over and not told.startswith("over") else "", told) if part)


def _next(row: Mapping[str, Any], monthly: Decimal, bands: Orientation) -> str:
    """What follows from the bill alone, without a verdict."""
    if row["feature"] is None:
        return "give it a feature: see set-up"
    if not row["allocated_calls"]:
        return "confirm the inferred name: see set-up"
    budget = row["budget_usd_per_month"]
    if budget and monthly > Decimal(budget):
        return f"over budget in 30 days; {bands.of_feature(row['feature'], monthly)}"
    if row["unpriced_calls"] == row["calls"]:
        return "no price: see set-up"
    return bands.of_feature(row["feature"], monthly)


def _worth_doing(advice: Mapping[str, Advice] | None) -> list[tuple[str, Advice]]:
    """What saves most, the first of them."""
    saving = [(name, one) for name, one in (advice or {}).items() if one.worth_usd_per_month]
    return sorted(saving, key=lambda item: -(item[1].worth_usd_per_month or 0))[:_MOST_TOLD]


def removed_table(report: Report) -> TableOf:
    """What would have been counted twice."""
    columns = (
        Column("feature", "Feature"),
        Column("duplicate_calls", "Duplicates", "count"),
        Column("wrapper_calls", "Wrappers", "count"),
        Column("cost_usd", "Would have cost", "money"),
    )
    rows = [{**row, "feature": row["feature"] or UNALLOCATED} for row in report["removed"]["rows"]]
    return TableOf("removed", "Removed, being counted already", columns, rows, empty="Nothing was removed.")


def _hosting(
    monthly: Mapping[str, Decimal], advice: Mapping[str, Advice] | None, bands: Orientation
) -> dict[str, Any] | None:
    near = {
        name: one.live_usd / one.threshold_usd_per_month
        for name, one in (advice or {}).items()
        if one.threshold_usd_per_month
    }
    if near:
        name = max(near, key=lambda one: near[one])
        return {"feature": name, "advice": (advice or {})[name]}
    if found := bands.nearest(monthly):
        return {**found, "advice": (advice or {}).get(found["feature"])}
    return None
