"""The rules that look each hour: a jump in a feature's cost, a service that fell silent."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from breakeven_collector.alerts.condition import Condition, Known, feature_page, named
from breakeven_collector.alerts.config import RuleConfig
from breakeven_collector.alerts.events import Figure, Rule
from breakeven_collector.alerts.hours import Hours, Series
from breakeven_collector.alerts.rhythm import Rhythm
from breakeven_collector.economics.words import usd

_LATE_HOURS: Final = 3
"""Hours that are looked at again, for calls that come late."""
_GOES_ON: Final = 0.5
"""A jump goes on while some hour rises by so much of what would tell it."""
_HABIT_DAYS: Final = 2
"""What happened on so many other days of the last four weeks is no news."""
_LOST_HOURS: Final = 168
"""A service that was silent for so long is taken as retired."""
_WEEKS: Final = 4
_A_WEEK: Final = 168
_OF_A_DAY: Final = "day "
"""Begins the marker of what was told of a day, not of an hour."""
_DAILY_SCORE: Final = 2 / 3
"""Of the score that an hour needs: a day has the noise of 24 hours evened out."""


def jumps(
    hours: Hours, at: datetime, config: RuleConfig, known: Mapping[str, Known], owners: Mapping[str, str]
) -> list[Condition]:
    """Features whose cost is far above what is usual for the hour, or was on the day before.

    Args:
        hours: what was taken.
        at: what began before counts.
        config: the rule's.
        known: by feature. A day is not told whose hour was told already.
        owners: by feature.
    """
    found: list[Condition] = []
    for name in hours.seen(at):
        one = _hour(hours, name, at, config) or _day(hours, name, at, config, known.get(name, Known()))
        found.append(one or _as_usual(hours, name, at, config))
    return [_owned(one, owners) for one in found]


def _owned(one: Condition, owners: Mapping[str, str]) -> Condition:
    return replace(one, owner=owners.get(one.subject, ""), page=feature_page(one.subject))


def _hour(hours: Hours, name: str, at: datetime, config: RuleConfig) -> Condition | None:
    """The hour of the last ones that rose most."""
    rhythm, values, end = hours.rhythm(name), hours.features[name].usd, hours.index(at)
    best: tuple[float, float, int] | None = None
    for index in range(max(0, end - _LATE_HOURS), end):
        usual = _usual_usd(hours, rhythm, index)
        if usual is None:
            continue
        rise = values[index] - usual
        if rise < config["min_usd_an_hour"] or values[index] < config["times_an_hour"] * usual:
            continue
        if rhythm.score(index, usual) < config["min_score"] or rhythm.habits(index, rise) >= _HABIT_DAYS:
            continue
        best = max(best or (rise, usual, index), (rise, usual, index))
    if best is None:
        return None
    rise, usual_usd, index = best
    begin = hours.moment(index)
    when = begin.astimezone(hours.timezone)
    return Condition(
        Rule.JUMP,
        name,
        True,
        Figure(
            values[index],
            f"in the hour from {when:%H:%M on %-d %b}",
            usual_usd,
            "usual for the hour",
            coverage_share=_coverage(hours.features[name], index, index + 1),
        ),
        f"{named(name)} cost {usd(values[index])} in the hour from {when:%H:%M on %-d %b}, {usd(rise)} more than usual",
        next_step=_look(name),
        about=(begin, begin + timedelta(hours=1)),
    )


def _usual_usd(hours: Hours, rhythm: Rhythm, index: int) -> float | None:
    """Of an hour. Where the clock was changed in the last weeks, that of the same hour by either clock: some live by
    the reader's, some by UTC."""
    moved = {0, *(min(1, hours.clock_moved(index, n * _A_WEEK)) for n in range(1, _WEEKS + 1))}
    usual = [one.value for n in moved if (one := rhythm.usual(index + n)) is not None]
    return max(usual, default=None)


def _day(hours: Hours, name: str, at: datetime, config: RuleConfig, known: Known) -> Condition | None:
    """Yesterday, where it rose slowly enough for no hour to be told."""
    series = hours.features[name]
    yesterday = hours.day(at) - timedelta(days=1)
    first, last = hours.midnight(yesterday), hours.midnight(yesterday + timedelta(days=1))
    goes_on = known.is_firing and known.marker.startswith(_OF_A_DAY)
    if not goes_on and known.fired_at is not None and known.fired_at > hours.moment(first):
        return None
    # Days that are whole since it is there.
    days = max(0, (last - series.first) // 24)
    daily = hours.daily(series.usd, yesterday, min(days, 36))
    if len(daily) < 2:
        return None
    rhythm, index = Rhythm(daily, 1), len(daily) - 1
    usual = rhythm.usual(index)
    if usual is None:
        return None
    cost = daily[index]
    rise = cost - usual.value
    if rise < config["min_usd_a_day"] or cost < config["times_a_day"] * usual.value:
        return None
    if rhythm.score(index, usual.value) < _DAILY_SCORE * config["min_score"]:
        return None
    if rhythm.habits(index, rise) >= _HABIT_DAYS:
        return None
    return Condition(
        Rule.JUMP,
        name,
        True,
        Figure(
            cost, f"on {yesterday:%-d %b}", usual.value, "usual for the day",
            coverage_share=_coverage(series, first, last),
        ),
        f"{named(name)} cost {usd(cost)} on {yesterday:%-d %b}, {usd(rise)} more than usual",
        marker=known.marker if goes_on else f"{_OF_A_DAY}{yesterday}",
        next_step=_look(name),
        about=(hours.moment(first), hours.moment(last)),
    )  # fmt: skip


def _as_usual(hours: Hours, name: str, at: datetime, config: RuleConfig) -> Condition:
    """Nothing to begin with; what was told before is over once no hour is half as far above what is usual."""
    rhythm, values, end = hours.rhythm(name), hours.features[name].usd, hours.index(at)
    begin = max(0, end - _LATE_HOURS)
    goes_on = False
    for index in range(begin, end):
        usual = _usual_usd(hours, rhythm, index)
        if usual is not None:
            told_from = max(config["min_usd_an_hour"], (config["times_an_hour"] - 1) * usual)
            goes_on = goes_on or values[index] - usual > _GOES_ON * told_from
    cost = sum(values[begin:end])
    text = f"in the {_LATE_HOURS} hours to {at.astimezone(hours.timezone):%H:%M on %-d %b}"
    return Condition(
        Rule.JUMP, name, False, Figure(cost, text), f"{named(name)} costs as usual again: {usd(cost)} {text}",
        is_over=not goes_on,
    )  # fmt: skip


def _coverage(series: Series, begin: int, end: int) -> float | None:
    begin = max(0, begin)
    whole = sum(series.usd[begin:end])
    return sum(series.known_usd[begin:end]) / whole if whole > 0 else None


def _look(name: str) -> str:
    return (
        "See which calls cost most on the feature's page, or `breakeven report --days 2 --by model`"
        if name
        else "Give these calls a feature: `breakeven map` says where they come from"
    )


def silences(hours: Hours, at: datetime, config: RuleConfig) -> list[Condition]:
    """Services that sent nothing for hours in which they did in each of the last weeks: nights and weekends on which
    they rest are their rhythm."""
    end = hours.index(at)
    return [
        _silence(hours, name, series, end, config)
        for name, series in hours.services.items()
        if name and series.first < end
    ]


def _silence(hours: Hours, name: str, series: Series, end: int, config: RuleConfig) -> Condition:
    last = next((n for n in range(end - 1, max(series.first, end - _LOST_HOURS) - 1, -1) if series.calls[n]), None)
    page = "/"
    if last is None:
        return Condition(
            Rule.SILENT, name, False, Figure(0.0, "in a week"),
            f"{name} has sent no call for a week ($0): it is taken as retired", page=page,
        )  # fmt: skip
    begin = last + 1
    quiet = end - begin
    since = hours.moment(begin).astimezone(hours.timezone)
    if quiet < config["silent_hours"]:
        back = sum(series.usd[max(0, end - _LATE_HOURS) : end])
        return Condition(
            Rule.SILENT, name, False, Figure(back, f"in the last {_LATE_HOURS} hours"),
            f"{name} sends calls again: {usd(back)} in the last {_LATE_HOURS} hours", page=page,
        )  # fmt: skip
    calls, cost = _usual(hours, series, begin, end)
    usual_calls = median(calls) if calls else 0.0
    usual_usd = median(cost) if cost else 0.0
    is_active = bool(calls and min(calls) > 0 and usual_calls >= config["min_calls"] and usual_usd >= config["min_usd"])
    text = f"in the {quiet} hours from {since:%H:%M on %-d %b}"
    return Condition(
        Rule.SILENT,
        name,
        is_active,
        Figure(0.0, text, usual_usd, "usual for the time"),
        f"{name} has sent no call since {since:%H:%M on %-d %b}: {quiet} hours, in which {usual_calls:,.0f} calls and "
        f"{usd(usual_usd)} are usual",
        is_over=False,
        next_step="See whether the service runs and can reach the collector: `breakeven doctor`",
        page=page,
    )


def _usual(hours: Hours, series: Series, begin: int, end: int) -> tuple[list[float], list[float]]:
    """Calls and dollars of the same hours in the last weeks; in the last days, where there are no two weeks yet. Where
    the clock was changed since, of the hours by UTC or by the reader's clock, in which there were less."""
    shifts = [n * 168 for n in range(1, _WEEKS + 1) if begin - n * 168 >= series.first]
    if len(shifts) < 2:
        if end - begin > 24 or begin - 168 < series.first:
            return [], []
        shifts = [n * 24 for n in range(1, 8)]

    def sums(values: Sequence[float]) -> list[float]:
        found: list[float] = []
        for shift in shifts:
            first = begin - shift + hours.clock_moved(begin, shift)
            last = end - shift + hours.clock_moved(end, shift)
            found.append(min(sum(values[begin - shift : end - shift]), sum(values[max(0, first) : max(0, last)])))
        return found

    return sums(series.calls), sums(series.usd)
