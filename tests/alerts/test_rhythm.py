"""What is usual: by hour of the week, at the level of the last days."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from breakeven_collector.alerts.condition import Known
from breakeven_collector.alerts.config import DEFAULTS
from breakeven_collector.alerts.events import Rule
from breakeven_collector.alerts.hours import Hours, Series
from breakeven_collector.alerts.rhythm import Rhythm
from breakeven_collector.alerts.rules_spend import jumps, silences

START = datetime(2026, 10, 5, tzinfo=UTC)
"""A Monday."""
WEEKS = 6


def office(hour: int) -> float:
    """Calls in an hour: busy on working days from 8 to 18, a few at night, nothing at the weekend."""
    day, of_day = hour // 24 % 7, hour % 24
    return 0.0 if day >= 5 else 100.0 if 8 <= of_day < 18 else 5.0


def series(
    usd: Callable[[int], float] = office, hours: int = WEEKS * 168, noise: float = 0.1, seed: int = 1
) -> list[float]:
    random = Random(seed)
    return [max(0.0, usd(n) * random.gauss(1, noise)) for n in range(hours)]


def hours_of(values: list[float], kind: str = "feature", start: datetime = START, zone: str = "UTC") -> Hours:
    first = next((n for n, one in enumerate(values) if one), len(values))
    one = Series(values, values, values, first)
    made: dict[str, Any] = {"features": {"search": one}} if kind == "feature" else {"services": {"api": one}}
    return Hours("default", ZoneInfo(zone), start, **made)


def jump_at(values: list[float], hour: int, known: Known | None = None) -> str | None:
    at = START + timedelta(hours=hour)
    (found,) = jumps(hours_of(values), at, DEFAULTS[Rule.JUMP], {"search": known or Known()}, {})
    return found.headline if found.is_active else None


def test_the_usual_hour_follows_its_week_and_the_level_of_the_last_days() -> None:
    grown = series(lambda hour: office(hour) * 1.02 ** (hour / 24), noise=0.0)
    rhythm = Rhythm(grown, 24)
    for hour in (35 * 24 + 3, 35 * 24 + 12, 39 * 24 + 12, 40 * 24 + 12):
        found = rhythm.usual(hour)
        assert found is not None
        assert found.value == pytest.approx(grown[hour], rel=0.15, abs=0.01)


def test_neither_one_spike_nor_one_silent_day_changes_what_is_usual() -> None:
    values = series(noise=0.0)
    monday_noon = 35 * 24 + 12
    values[monday_noon - 7 * 24] = 5000.0
    values[monday_noon - 14 * 24 - 12 : monday_noon - 14 * 24 + 12] = [0.0] * 24
    found = Rhythm(values, 24).usual(monday_noon)
    assert found is not None
    assert found.value == pytest.approx(100.0, rel=0.05)


@pytest.mark.parametrize("seed", range(2))
def test_six_weeks_of_noise_with_nights_weekends_and_growth_tell_nothing(seed: int) -> None:
    values = series(lambda hour: office(hour) * 1.01 ** (hour / 24), noise=0.25, seed=seed)
    told = [n for n in range(3 * 24, len(values) + 1) if jump_at(values, n)]
    assert told == []


@pytest.mark.parametrize(("hour", "cost"), [(12, 300.0), (3, 60.0)])
def test_an_hour_that_costs_far_more_than_usual_is_told_with_the_difference(hour: int, cost: float) -> None:
    values = series()
    at = 36 * 24 + hour
    values[at] = cost
    said = jump_at(values[: at + 1], at + 1)
    assert said is not None
    assert said.startswith(f"search cost ${cost:.0f} in the hour from {hour:02}:00 on 10 Nov, $")
    assert jump_at(values[:at], at) is None


def test_a_rise_of_many_times_but_few_dollars_is_not_told() -> None:
    values = [one / 100 for one in series()]
    values[36 * 24 + 3] = 10.0
    assert jump_at(values[: 36 * 24 + 4], 36 * 24 + 4) is None


def test_what_happens_every_few_days_is_a_habit() -> None:
    values = series()
    for day, hour in ((29, 2), (31, 5), (33, 4)):
        values[day * 24 + hour] = 90.0
    values[36 * 24 + 3] = 90.0
    assert jump_at(values[: 36 * 24 + 4], 36 * 24 + 4) is None


def test_a_day_that_rises_slowly_is_told_the_day_after_and_not_if_an_hour_of_it_was() -> None:
    values = series(noise=0.02)
    for hour in range(8, 18):
        values[36 * 24 + hour] *= 1.7
    at = 37 * 24 + 3
    said = jump_at(values[:at], at)
    assert said is not None
    assert said.startswith("search cost $1.8k on 10 Nov, $")
    assert jump_at(values[:at], at, Known(fired_at=START + timedelta(hours=36 * 24 + 12))) is None


def test_a_jump_goes_on_until_no_hour_is_half_as_far_above_what_is_usual() -> None:
    values = series()
    first = 36 * 24 + 10
    for hour, times in enumerate((3.0, 1.8, 1.8, 1.8, 1.8, 1.1, 1.0, 1.0)):
        values[first + hour] *= times
    over = [
        jumps(hours_of(values[:n]), START + timedelta(hours=n), DEFAULTS[Rule.JUMP], {}, {})[0].over
        for n in range(first, first + 9)
    ]
    assert over == [True, *[False] * 7, True]


@pytest.mark.parametrize("lives_by", ["Europe/Berlin", "UTC"])
@pytest.mark.parametrize("start", [START, datetime(2027, 3, 1, tzinfo=UTC)])
def test_a_clock_that_is_changed_makes_neither_a_jump_nor_a_silence(start: datetime, lives_by: str) -> None:
    def sharp(hour: int) -> float:
        local = (start + timedelta(hours=hour)).astimezone(ZoneInfo(lives_by))
        return 100.0 if local.weekday() < 5 and 8 <= local.hour < 18 else 0.0

    values = series(sharp)
    for n in range(15 * 24, len(values)):
        at = start + timedelta(hours=n)
        of_feature = hours_of(values[:n], start=start, zone="Europe/Berlin")
        of_service = hours_of(values[:n], "service", start, "Europe/Berlin")
        assert not jumps(of_feature, at, DEFAULTS[Rule.JUMP], {}, {})[0].is_active
        assert not silences(of_service, at, DEFAULTS[Rule.SILENT])[0].is_active


def silence(values: list[float], hour: int) -> tuple[bool, bool, str]:
    at = START + timedelta(hours=hour)
    (found,) = silences(hours_of(values, "service"), at, DEFAULTS[Rule.SILENT])
    return found.is_active, found.over, found.headline


def test_nights_and_weekends_without_calls_are_a_services_rhythm() -> None:
    resting = series(lambda hour: office(hour) if office(hour) > 5 else 0.0)
    assert [n for n in range(8 * 24, len(resting) + 1) if silence(resting[:n], n)[0]] == []


def test_a_service_that_is_silent_when_it_never_is_is_told_until_it_calls_again() -> None:
    values = series()
    noon = 36 * 24 + 12
    silent = [*values[:noon], *[0.0] * 4]
    assert silence(silent, noon + 2)[:2] == (False, True)
    is_active, is_over, said = silence(silent, noon + 4)
    assert (is_active, is_over) == (True, False)
    assert said.startswith("api has sent no call since 12:00 on 10 Nov: 4 hours, in which ")
    assert silence([*silent, 9.0], noon + 5)[:2] == (False, True)
    retired = [*values[:noon], *[0.0] * 168]
    assert silence(retired, noon + 168)[1:] == (
        True,
        "api has sent no call for a week ($0): it is taken as retired",
    )
