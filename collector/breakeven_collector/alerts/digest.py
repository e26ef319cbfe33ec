"""The digest of a week: what one would want to know without an alert."""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Final

from breakeven_collector.alerts.config import AlertsConfig
from breakeven_collector.alerts.events import Digest, Line, Rule, Section
from breakeven_collector.alerts.hours import Hours
from breakeven_collector.alerts.look import Look
from breakeven_collector.alerts.rules_month import BILL, Forecast
from breakeven_collector.alerts.rules_verdict import Decided, bands
from breakeven_collector.alerts.sources import Sources
from breakeven_collector.alerts.why import TENANT, why_of_week
from breakeven_collector.economics.words import rise, usd
from breakeven_collector.store import Store

_MOST: Final = 5
_MOVED_USD: Final = 10.0
_PARETO: Final = 0.8


def build_digest(
    store: Store,
    sources: Sources,
    hours: Hours,
    at: datetime,
    config: AlertsConfig,
    *,
    is_alone: bool,
    project: str,
) -> Digest:
    """Of the last whole week, Monday to Sunday, before a moment.

    Args:
        store: an open store, for what moved.
        sources: of it.
        hours: of the project.
        at: the moment.
        config: which rules watch: what they look at is in the digest, on or off.
        is_alone: as for `Sources.look`.
        project: whose.

    Raises:
        StoreError: the store cannot be read.
    """
    day = hours.day(at) - timedelta(days=hours.day(at).weekday())
    last = day - timedelta(days=1)
    first = day - timedelta(days=7)
    everything = config.with_all_on()
    errors: list[str] = []
    look = sources.look(hours, at, everything, is_daily=True, is_alone=is_alone, errors=errors)
    weeks = {name: hours.daily(one.usd, last, 14) for name, one in hours.seen(at).items()}
    now = {name: sum(days[7:]) for name, days in weeks.items()}
    before = {name: sum(days[:7]) for name, days in weeks.items()}
    whole, earlier = sum(now.values()), sum(before.values())
    decided = look.decided or ()
    sections = (
        Section("Bill against budget", tuple(_bill(whole, earlier, look.forecasts or ()))),
        Section("What moved", tuple(_movers(store, project, day, now, before))),
        Section("Who drives it", tuple(_pareto(now))),
        Section("About to pass the break-even", tuple(_approaching(decided))),
        Section("Bands passed", tuple(_bands(decided, look, config))),
        Section("Savings open", tuple(_savings(decided))),
        Section("Not known, or nobody's", tuple(_unknown(now, look))),
        Section("Decisions due", tuple(_due(look))),
        Section("Could not be looked at", tuple(Line("", one) for one in errors)),
    )
    change = f", {(whole - earlier) / earlier:+.0%} against the week before" if earlier > 0 else ""
    return Digest(
        hashlib.sha256(f"digest\n{project}\n{first}".encode()).hexdigest()[:32],
        project,
        first,
        last,
        f"{usd(whole)} from {first:%-d %b} to {last:%-d %b}{change}",
        tuple(one for one in sections if one.lines),
        "/",
    )


def _bill(whole: float, earlier: float, forecasts: Sequence[Forecast]) -> list[Line]:
    lines = [Line("week", f"{usd(whole)}, {usd(earlier)} the week before", whole)]
    for one in forecasts:
        name = one.feature or "whole bill"
        if one.feature != BILL and one.budget_usd is None:
            continue
        budget = f" of {usd(float(one.budget_usd))}" if one.budget_usd is not None else ""
        if one.p50_usd is None or one.p10_usd is None or one.p90_usd is None:
            text = f"{usd(one.so_far_usd)}{budget} in {one.month:%B} so far; no forecast: {one.reason}"
        else:
            text = (
                f"{usd(one.so_far_usd)}{budget} in {one.month:%B} so far, {usd(one.p50_usd)} by its end "
                f"({usd(one.p10_usd)} to {usd(one.p90_usd)} in 8 of 10 cases)"
            )
        lines.append(Line(name, text, one.p50_usd))
    return lines


def _movers(store: Store, project: str, day: date, now: dict[str, float], before: dict[str, float]) -> list[Line]:
    moved = sorted(now, key=lambda name: -abs(now[name] - before[name]))
    lines: list[Line] = []
    for name in moved[:_MOST]:
        change = now[name] - before[name]
        if abs(change) < _MOVED_USD:
            break
        causes = why_of_week(store, project, name, day)
        of_it = [one for one in causes if one.what != TENANT][:2]
        told = "; ".join(f"{one.what} {rise(one.usd or 0)} ({one.detail})" for one in of_it)
        text = f"{rise(change)} to {usd(now[name])}" + (f": {told}" if told else "")
        lines.append(Line(name or "without a feature", text, change))
    return lines


def _pareto(now: dict[str, float]) -> list[Line]:
    """The dearest features, up to four fifths of the bill."""
    whole = sum(now.values())
    ordered = sorted((name for name in now if now[name] > 0), key=lambda name: -now[name])
    lines: list[Line] = []
    for name, running in zip(ordered, accumulate(now[name] for name in ordered), strict=True):
        text = f"{usd(now[name])}, {now[name] / whole:.0%} of the bill, {running / whole:.0%} with those above"
        lines.append(Line(name or "without a feature", text, now[name]))
        if running >= _PARETO * whole or len(lines) == _MOST:
            break
    return lines


def _approaching(decided: Sequence[Decided]) -> list[Line]:
    return [
        Line(
            one.feature,
            f"around {one.on:%-d %b}: {usd(one.live_usd)} {one.text}, break-even {usd(one.threshold_usd)}",
            one.live_usd,
        )
        for one in decided
        if one.on is not None and one.threshold_usd is not None and one.live_usd <= one.threshold_usd
    ]


def _bands(decided: Sequence[Decided], look: Look, config: AlertsConfig) -> list[Line]:
    passed = [one for one in bands(decided, look.bands_usd, config.rules[Rule.BAND], {}) if one.is_active]
    return [
        Line(
            one.subject,
            f"{usd(one.figure.usd)} {one.figure.what}, above the band of {usd(one.figure.limit_usd or 0.0)}",
            one.figure.usd,
        )
        for one in sorted(passed, key=lambda one: -one.figure.usd)[:_MOST]
    ]


def _savings(decided: Sequence[Decided]) -> list[Line]:
    saving = sorted((one for one in decided if one.saves_usd >= 1), key=lambda one: -one.saves_usd)
    return [
        Line(one.feature, f"{usd(one.saves_usd)} a month: {one.sentence or one.next_step}", one.saves_usd)
        for one in saving[:_MOST]
    ]


def _unknown(now: dict[str, float], look: Look) -> list[Line]:
    lines = [Line("without a feature", f"{usd(now[''])} in the week", now[""])] if now.get("", 0.0) >= 0.5 else []
    lines += [
        Line(
            f"{one.provider}/{one.model}",
            f"no price: {one.calls:,.0f} calls, about {usd(one.usual_usd)} ({one.reason})",
            one.usual_usd,
        )
        for one in (look.unpriced or ())[:_MOST]
    ]
    return lines


def _due(look: Look) -> list[Line]:
    return [Line(one.feature, f"{one.decision}: {', '.join(one.why)}", one.usd) for one in look.due or () if one.why]
