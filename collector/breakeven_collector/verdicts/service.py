"""Verdicts on a store's features as one document, which API and command line share."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from breakeven_collector.economics import options, portfolio
from breakeven_collector.economics.assumptions import load
from breakeven_collector.economics.evidence import Evidence
from breakeven_collector.economics.forecast import NEAR_DAYS, Crossing
from breakeven_collector.economics.tornado import tornado
from breakeven_collector.economics.verdict import Verdict, against_best, decide
from breakeven_collector.errors import BadRequest
from breakeven_collector.period import Period
from breakeven_collector.projects import of_project
from breakeven_collector.report import active_book
from breakeven_collector.report_billed import BilledSummary
from breakeven_collector.store import Store
from breakeven_collector.verdicts import kept, lines
from breakeven_collector.verdicts.evidence_of import crossing, evidence_of, outlook, rates
from breakeven_collector.verdicts.observed import Profile, Window, observe
from breakeven_collector.verdicts.offers import Book, cached_by_model
from breakeven_collector.version import program_version

Verdicts = dict[str, Any]
"""as_of, window (from, to, days, timezone), price_book, total_usd, unallocated_usd, has_bill (whether a provider's
bill is imported: its usage is read where there are no calls), bands (USD in 30 days, for orientation), features (a
document each, dearest first), portfolio (which features pay together on shared GPUs; None: none do, or only one was
asked for). Dollars are floats: they are of a model."""

Bill = Callable[[Period, str | None], BilledSummary | None]
"""Period and project → what the report says of the providers' accounts."""

_POOLED_FROM_USD: Final = 500.0
_MOST_POOLED: Final = 10
_PRICES_AHEAD: Final = timedelta(days=366)
_APPENDING = threading.Lock()


def no_bill(_period: Period, _project: str | None) -> BilledSummary | None:
    """No provider's account is asked."""
    return None


def build_verdicts(
    store: Store,
    config: Path,
    *,
    feature: str | None = None,
    project: str | None = None,
    timezone: str = "UTC",
    now: datetime | None = None,
    flips: bool = True,
    diff: bool = False,
    bill: Bill = no_bill,
    keep: bool = True,
    check: Callable[[], None] = lambda: None,
) -> Verdicts:
    """Decide on one feature or all, and keep what was said.

    Args:
        store: an open store.
        config: `breakeven.toml`, for its assumptions.
        feature: the feature; None: all that have calls in the window.
        project: whose; None: of all projects together.
        timezone: where days begin.
        now: the present where left out.
        flips: also look for what would change each verdict.
        diff: also say what moved it since the last one that was worked out from something else.
        bill: what the report says of the providers' accounts: what of it no call told of may be any feature's.
        keep: append what is new to the store's verdicts; not for a past moment.
        check: called before each feature; what it raises ends the work.

    Raises:
        BadRequest: the feature has no calls in the window, or the zone is not known.
        ConfigError: the assumptions do not fit.
        StoreError: the store cannot be read.
    """
    now = now or datetime.now(UTC)
    assumptions = load(config)
    window, profiles = observe(store, now=now, timezone=timezone, project=project, latency=True)
    named = {name: one for name, one in profiles.items() if name}
    if feature is not None and feature not in named:
        raise BadRequest(404, _no_calls(feature, named, window))
    wanted = named if feature is None else {feature: named[feature]}
    book = active_book(store) or ""
    total = float(sum(one.spend_usd for one in profiles.values()))
    unallocated = float(sum(one.inferred_usd for one in profiles.values()))
    unseen, coverage = _unseen(bill, window, project, profiles)
    ahead = {"from": int(now.timestamp()), "to": int((now + _PRICES_AHEAD).timestamp())}
    coming = [(row["model"], row["day"]) for row in store.query_file("coming_prices", {**of_project(project), **ahead})]
    offers = Book(rates(store, [assumptions, *assumptions.features.values()], profiles, now), cached_by_model(profiles))
    model = program_version()
    documents: list[dict[str, Any]] = []
    found: list[kept.Told] = []
    for name, profile in wanted.items():
        check()
        own = assumptions.of(name)
        evidence = evidence_of(
            profile,
            own,
            total_usd=total,
            unallocated_usd=unallocated,
            offers=offers,
            book=book,
            unseen_usd=unseen,
            coverage_share=coverage,
            coming=coming,
        )
        verdict = decide(evidence, flips=flips)
        inputs = kept.inputs_of(evidence)
        digest = kept.digest_of(inputs, book, model)
        document = _document(verdict, evidence, profile, digest)
        if diff:
            before = kept.last(store, project, name, digest)
            document["since"] = None if before is None else kept.moved(before, verdict, evidence, book)
        documents.append(document)
        found.append(kept.Told(verdict, evidence, inputs, document))
    if keep:
        with _APPENDING:
            kept.append(store, project, window, book, model, found, now)
    return {
        "as_of": window.end.date().isoformat(),
        "window": window.document(),
        "price_book": book or None,
        "total_usd": total,
        "unallocated_usd": unallocated,
        "has_bill": bool(store.query_file("is_billed", {**of_project(project), "from": 0, "to": int(now.timestamp())})),
        "bands": asdict(assumptions.bands),
        "features": documents,
        "portfolio": _portfolio({one.evidence.feature: one.evidence for one in found}) if feature is None else None,
    }


def _unseen(
    bill: Bill, window: Window, project: str | None, profiles: Mapping[str, Profile]
) -> tuple[float, float | None]:
    """Billed dollars of the window's UTC days that no call told of, and the share of the bill that calls did; None
    where no account was imported. Where the profiles are those accounts' usage, all of it is in them."""
    found = None if any(one.is_imported for one in profiles.values()) else bill(window.period, project)
    if found is None:
        return 0.0, None
    unseen = max(0.0, float(found["unseen_usd"]))
    whole = float(found["totals"]["billed_usd"] or 0) + float(found["totals"]["estimated_usd"] or 0)
    return unseen, max(0.0, 1 - unseen / whole) if whole > 0 else None


def _no_calls(feature: str, named: Mapping[str, Profile], window: Window) -> str:
    close = get_close_matches(feature, named, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(named) or 'none'}"
    return (
        f"feature {feature!r} has no calls from {window.start.date()} to {window.dates[-1]}: a verdict looks at whole "
        f"days before today; {hint}"
    )


def _document(verdict: Verdict, evidence: Evidence, profile: Profile, digest: str) -> dict[str, Any]:
    case, _ = against_best(evidence)
    return {
        **asdict(verdict),
        "revisit_by": verdict.revisit_by.isoformat(),
        "chance": verdict.chance.document(),
        "spend_usd": evidence.spend_usd,
        "live_usd": evidence.live_usd,
        "api_usd_per_month": evidence.case.api_usd_per_month,
        "calls_per_month": evidence.case.calls_per_month,
        "best_in_api": _best_in_api(evidence),
        "growth_per_month": evidence.growth_per_month,
        "crossing": _crossing(crossing(profile, verdict.threshold_usd), profile.window.end.date()),
        "outlook": outlook(profile),
        "tornado": tornado(case).document(),
        "evidence": [lines.document(one) for one in verdict.evidence],
        "form": {name: [lines.document(one) for one in answers] for name, answers in verdict.form.items()},
        "days_of_history": profile.days,
        "is_imported": profile.is_imported,
        "digest": digest,
    }


def _best_in_api(evidence: Evidence) -> dict[str, Any] | None:
    """What saves most without leaving the API, the tested ones first; nothing is saved while a commitment lasts."""
    saving = [one for one in evidence.may_be_bought if one.saves_usd_per_month > 0]
    best = None if evidence.committed_months else options.cheapest(saving, options.IN_API)
    if best is None:
        return None
    return {
        "name": best.name,
        "kind": best.kind,
        "usd_per_month": best.usd_per_month,
        "saves_usd_per_month": best.saves_usd_per_month,
        "is_tested": best.tested,
    }


def _crossing(found: Crossing, today: date) -> dict[str, Any]:
    """Dates up to 90 days ahead: further out the interval does not hold what it says."""

    def on(days: float | None) -> str | None:
        return None if days is None or days > NEAR_DAYS else (today + timedelta(days=int(days))).isoformat()

    return {
        "is_above": found.is_above,
        "p10_on": on(found.p10_days),
        "p50_on": on(found.p50_days),
        "p90_on": on(found.p90_days),
        "probability_90_days": found.probability_90_days,
        "reason": found.reason
        or (None if on(found.p50_days) else f"not within {NEAR_DAYS} days at the pace of the last 28"),
    }


def _portfolio(found: Mapping[str, Evidence]) -> dict[str, Any] | None:
    """Features worth the trouble, on one pool; each against its best alternative that was tested."""
    cases = {name: against_best(one)[0] for name, one in found.items() if one.spend_usd >= _POOLED_FROM_USD}
    hours = max((len(case.hourly_busy) for case in cases.values()), default=0)
    whole = {name: case for name, case in cases.items() if len(case.hourly_busy) == hours}
    dearest = sorted(whole, key=lambda name: -whole[name].api_usd_per_month)[:_MOST_POOLED]
    best = portfolio.best_set({name: whole[name] for name in dearest}) if len(dearest) > 1 else None
    if best is None:
        return None
    return {
        "features": list(best.names),
        "saves_usd_per_month": best.net_usd_per_month,
        "replicas": best.replicas,
        "replicas_apart": best.replicas_apart,
        "one_off_usd": best.case.project.one_off_usd,
    }
