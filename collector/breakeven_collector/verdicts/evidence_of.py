"""Puts the observed profile, the assumptions and the price book together to what a verdict stands on."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from breakeven_collector.economics import forecast
from breakeven_collector.economics.api_cost import monthly_usd
from breakeven_collector.economics.assumptions import Assumptions
from breakeven_collector.economics.case import Case, Prices
from breakeven_collector.economics.evidence import Evidence
from breakeven_collector.economics.form import ASSUMED
from breakeven_collector.economics.load import busy_by_hour, shape_of
from breakeven_collector.store import Store
from breakeven_collector.verdicts.lines import observed_lines
from breakeven_collector.verdicts.observed import Profile
from breakeven_collector.verdicts.offers import Book, offers_of

_MONTH_DAYS: Final = 30
_OUTLOOK_STEP_DAYS: Final = 3


def rates(
    store: Store, assumptions: Sequence[Assumptions], profiles: Mapping[str, Profile], now: datetime
) -> dict[str, Prices]:
    """The models in use and those that are declared as workhorses or as tested, with their rates by the active book;
    those it does not have are left out. Where several providers have a model, what those in use ask; else what most
    ask, for a reseller's price is no offer that one has.

    Raises:
        StoreError: the store cannot be read.
    """
    used = {model for one in profiles.values() for model in one.usd_by_model}
    declared = {model for one in assumptions for model, tier in one.tiers.items() if tier == "workhorse"}
    names = sorted(used.union(declared, *(one.api.tested_models for one in assumptions)))
    if not names:
        return {}
    rows = store.query_file("rates_by_model", {"models": names, "now": int(now.timestamp())})
    providers = {provider for one in profiles.values() for provider in one.usd_by_provider}
    by_model: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_model.setdefault(row["model"], []).append(row)
    return {model: _prices(_offered(of, providers)) for model, of in by_model.items()}


def evidence_of(
    profile: Profile,
    assumptions: Assumptions,
    *,
    total_usd: float,
    unallocated_usd: float,
    offers: Book,
    book: str = "",
    unseen_usd: float = 0.0,
    coverage_share: float | None = None,
    coming: Sequence[tuple[str, date]] = (),
) -> Evidence:
    """What is known about a feature.

    Args:
        profile: what was observed.
        assumptions: those that hold for the feature.
        total_usd: of all features and of what has none, in the window.
        unallocated_usd: of that, without a declared or mapped feature.
        offers: rates of models, and how other features cache.
        book: version of the active price book.
        unseen_usd: billed by providers and seen in no call, in the window.
        coverage_share: of what providers bill, seen in calls; None: no bill is known.
        coming: models, and the days on which a price of theirs changes.
    """
    case = case_of(profile, assumptions)
    ends = {model: end.on for model, end in assumptions.shutdowns.items() if model in profile.usd_by_model}
    live, found = float(profile.live_usd), _fit(profile)
    return Evidence(
        profile.feature,
        profile.window.end.date(),
        profile.days,
        case,
        float(profile.spend_usd),
        total_usd,
        offers_of(profile, case, assumptions, offers),
        assumptions.api.failed_models,
        max(0.0, unallocated_usd - float(profile.inferred_usd)),
        unseen_usd,
        profile.unpriced_share,
        _p90(profile),
        assumptions.bands,
        assumptions.gates,
        assumptions.api.commitment_until,
        profile.is_imported,
        _frontier_share(profile, assumptions),
        cached_share=profile.cached_share,
        batch_share=float(profile.batch_usd) / live if live else None,
        provider_shares=_shares(profile),
        # What is only estimated is no fact, and might turn the answer as much as what was never seen.
        estimated_usd=float(profile.estimated_usd),
        model_shutdowns=[(model, day, float(profile.usd_by_model[model]) / live) for model, day in ends.items()],
        shutdown_source=", ".join(dict.fromkeys(assumptions.shutdowns[model].source for model in ends)),
        origins={path: assumptions.origin(path) for path in ASSUMED},
        mean_seconds=profile.mean_seconds,
        p95_seconds=profile.p95_seconds,
        objectives=assumptions.objectives,
        error_share=profile.failed_calls / profile.calls if profile.calls and not profile.is_imported else None,
        growth_per_month=observed_growth(profile),
        growth_is_clear=not isinstance(found, str) and abs(found.slope) > 2 * math.sqrt(found.slope_variance),
        coverage_share=coverage_share,
        price_changes=sorted({day for model, day in coming if model in profile.usd_by_model}),
        lines=observed_lines(profile, book),
    )


def case_of(profile: Profile, assumptions: Assumptions) -> Case:
    """Hosting against today's bill: load and bill as observed, brought to a month of 730 hours."""
    busy = busy_by_hour(profile.hours, assumptions.hosting)
    shape = shape_of(busy)
    # An account by day says nothing of the hours within it.
    given = "peak_to_mean" in assumptions.given or profile.is_by_day
    return Case(
        monthly_usd([hour.usd for hour in profile.hours]),
        monthly_usd([hour.calls for hour in profile.hours]),
        shape.mean,
        assumptions.peak_to_mean if given else shape.peak_to_mean,
        assumptions.burst,
        assumptions.hosting,
        assumptions.hybrid,
        assumptions.project,
        assumptions.market,
        hourly_busy=() if profile.is_by_day else busy,
    )


def observed_growth(profile: Profile) -> float | None:
    """Of the live dollars, a month of 30 days, by the last 28; None where they do not bear a fit."""
    found = _fit(profile)
    return None if isinstance(found, str) else math.expm1(found.slope * _MONTH_DAYS)


def crossing(profile: Profile, threshold_usd: float | None) -> forecast.Crossing:
    """When the live dollars of the trailing 30 days pass a threshold, counted from the window's end.

    The forecast tells when the pace of a day passes a thirtieth of it; under growth the sum of 30 days comes later.
    """
    if threshold_usd is None:
        return forecast.Crossing(None, None, None, None, reason="there is no threshold")
    if float(profile.live_usd) >= threshold_usd:
        return forecast.Crossing(0.0, 0.0, 0.0, 1.0, is_above=True)
    fit = _fit(profile)
    if isinstance(fit, str):
        return forecast.Crossing(None, None, None, None, reason=fit)
    needed = threshold_usd / forecast.behind(fit)
    found = forecast.crossing(profile.daily_usd, needed, weekday_of_last=_last_weekday(profile))
    return replace(found, is_above=False)


def outlook(profile: Profile) -> list[dict[str, Any]]:
    """Live dollars of the trailing 30 days on days ahead, up to the 90th: `on`, `p10_usd`, `p50_usd`, `p90_usd`; empty
    where the days do not bear a fit."""
    fit = _fit(profile)
    if isinstance(fit, str):
        return []
    return [
        {
            "on": (profile.window.end.date() + timedelta(days=one.days)).isoformat(),
            **{name: getattr(one, name) for name in ("p10_usd", "p50_usd", "p90_usd")},
        }
        for one in forecast.outlook(fit, range(0, forecast.NEAR_DAYS + 1, _OUTLOOK_STEP_DAYS))
    ]


def _fit(profile: Profile) -> forecast.Fit | str:
    return forecast.fit(profile.daily_usd, _last_weekday(profile))


def _last_weekday(profile: Profile) -> int:
    return profile.window.dates[-1].weekday()


def _p90(profile: Profile) -> float | None:
    """Of the 30 days that end 90 days from now, USD: where the outlook ends."""
    found = _fit(profile)
    return None if isinstance(found, str) else forecast.outlook(found, [forecast.NEAR_DAYS])[0].p90_usd


def _frontier_share(profile: Profile, assumptions: Assumptions) -> float | None:
    if not assumptions.tiers or not profile.live_usd or not set(profile.usd_by_model) <= set(assumptions.tiers):
        return None
    usd = sum(usd for model, usd in profile.usd_by_model.items() if assumptions.tiers[model] == "frontier")
    return float(usd / profile.live_usd)


def _shares(profile: Profile) -> list[tuple[str, float]]:
    return [(name, float(usd / profile.live_usd)) for name, usd in profile.usd_by_provider.items()]


def _offered(rows: Sequence[Mapping[str, Any]], providers: Set[str]) -> Mapping[str, Any]:
    """Of a model's rates, cheapest first, the one to count with."""
    if own := [row for row in rows if row["provider"] in providers]:
        return own[0]
    asked = Counter(row["uncached_usd_per_token"] for row in rows)
    most = max(asked, key=lambda rate: (asked[rate], rate))
    return next(row for row in rows if row["uncached_usd_per_token"] == most)


def _prices(row: Mapping[str, Any]) -> Prices:
    uncached, answer = (float(row[key]) * 1e6 for key in ("uncached_usd_per_token", "answer_usd_per_token"))
    cached = row["cache_read_usd_per_token"]
    return Prices(uncached, uncached if cached is None else float(cached) * 1e6, answer)
