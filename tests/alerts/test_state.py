"""The state machine, by itself: what is told, and how often."""

from datetime import UTC, datetime, timedelta

import pytest
from breakeven_collector.alerts.condition import Condition
from breakeven_collector.alerts.events import Change, Figure, Rule
from breakeven_collector.alerts.state import State, Status, Telling, Timing, step
from hypothesis import given
from hypothesis import strategies as st

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
PATIENT = Timing(timedelta(hours=2), timedelta(hours=5))


def condition(is_active: bool, is_over: bool | None = None, marker: str = "") -> Condition:
    return Condition(Rule.CROSSED, "search", is_active, Figure(1.0, "now"), "a headline", is_over, marker)


def play(
    looks: list[tuple[bool, bool]],
    timing: Timing,
    snooze: tuple[int, int] = (0, 0),
    *,
    state: State | None = None,
    was_so: bool = True,
) -> tuple[State, list[tuple[int, Telling]]]:
    """An hour a look, each (active, over); snoozed from one hour up to another."""
    state = state or State()
    told: list[tuple[int, Telling]] = []
    for hour, (is_active, is_over) in enumerate(looks):
        until = START + snooze[1] * HOUR if snooze[0] <= hour else None
        found = condition(is_active, is_over and not is_active)
        state, telling = step(
            state, found, START + hour * HOUR, timing, snoozed_until=until, was_so=lambda: was_so
        )  # fmt: skip
        if telling:
            told.append((hour, telling))
    return state, told


def changes(told: list[tuple[int, Telling]]) -> list[tuple[int, Change]]:
    return [(hour, one.change) for hour, one in told]


ON, OFF, BETWEEN = (True, False), (False, True), (False, False)


def test_what_holds_long_enough_is_told_once_and_again_after_the_repeat_interval_and_when_it_is_over() -> None:
    state, told = play([OFF, ON, ON, ON, *[ON] * 7, OFF, OFF], PATIENT)
    since = START + HOUR
    assert told == [
        (3, Telling(Change.FIRING, since, 1)),
        (8, Telling(Change.STILL, since, 2)),
        (11, Telling(Change.RESOLVED, since, 2)),
    ]
    assert (state.status, state.since, state.fired_at) == (Status.RESOLVED, START + 11 * HOUR, START + 3 * HOUR)


def test_what_does_not_hold_long_enough_is_not_told() -> None:
    state, told = play([ON, ON, OFF, ON, ON, OFF], PATIENT)
    assert (state.status, told) == (Status.OK, [])


def test_between_its_two_levels_nobody_is_told_that_it_is_still_so() -> None:
    timing = Timing(repeat=3 * HOUR)
    assert changes(play([ON, *[BETWEEN] * 5, ON], timing)[1]) == [(0, Change.FIRING), (6, Change.STILL)]
    # Nor after a snooze, whether it was told before or not.
    told_before = play([ON, *[BETWEEN] * 4, ON], timing, snooze=(1, 3))[1]
    assert changes(told_before) == [(0, Change.FIRING), (5, Change.STILL)]
    state, told = play([ON, BETWEEN, BETWEEN], timing, snooze=(0, 1))
    assert (state.status, told) == (Status.OK, [])


def test_between_its_two_levels_it_stays_what_it_is() -> None:
    assert changes(play([BETWEEN, ON, BETWEEN, BETWEEN, OFF, BETWEEN], Timing())[1]) == [
        (1, Change.FIRING),
        (4, Change.RESOLVED),
    ]


def test_another_marker_is_another_alert() -> None:
    state, first = step(State(), condition(True, marker="2026-10"), START, Timing())
    state, ended = step(state, condition(True, marker="2026-11"), START + HOUR, Timing())
    state, second = step(state, condition(True, marker="2026-11"), START + 2 * HOUR, Timing())
    assert [one.change if one else None for one in (first, ended, second)] == [
        Change.FIRING,
        Change.RESOLVED,
        Change.FIRING,
    ]
    assert state.since == START + 2 * HOUR


def test_what_by_later_knowledge_was_never_so_is_taken_back() -> None:
    assert changes(play([ON, ON, OFF], Timing(), was_so=False)[1]) == [(0, Change.FIRING), (2, Change.CORRECTED)]


def test_of_a_verdict_it_is_not_told_that_it_is_over() -> None:
    assert changes(play([ON, OFF, ON], Timing(tells_over=False))[1]) == [(0, Change.FIRING), (2, Change.FIRING)]


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([OFF, ON, ON, ON, ON, ON], [(4, Change.FIRING)]),
        ([ON, ON, ON, ON, ON, ON], [(0, Change.FIRING), (4, Change.STILL)]),
        ([ON, ON, OFF, OFF, OFF, OFF], [(0, Change.FIRING), (4, Change.RESOLVED)]),
        ([ON, OFF, OFF, ON, ON, OFF], [(0, Change.FIRING), (4, Change.STILL), (5, Change.RESOLVED)]),
        ([OFF, ON, ON, OFF, OFF, OFF], []),
    ],
)
def test_snoozed_it_tells_nothing_and_afterwards_once_what_is_still_so(
    looks: list[tuple[bool, bool]], expected: list[tuple[int, Change]]
) -> None:
    assert changes(play(looks, Timing(), (1, 4))[1]) == expected


_LOOKS = st.lists(st.sampled_from([ON, OFF, BETWEEN]), max_size=40)
_TIMINGS = st.builds(
    Timing,
    st.integers(0, 4).map(lambda hours: hours * HOUR),
    st.none() | st.integers(1, 6).map(lambda hours: hours * HOUR),
)
_SNOOZES = st.tuples(st.integers(0, 40), st.integers(0, 40))


@given(_LOOKS, _TIMINGS, _SNOOZES, st.booleans())
def test_between_two_firings_it_is_always_told_that_the_first_is_over(
    looks: list[tuple[bool, bool]], timing: Timing, snooze: tuple[int, int], was_so: bool
) -> None:
    _, told = play(looks, timing, snooze, was_so=was_so)
    is_open = False
    for _, one in told:
        if one.change is Change.FIRING:
            assert not is_open
            is_open = True
        else:
            assert is_open
            is_open = one.change is Change.STILL


@given(_LOOKS, _TIMINGS, _SNOOZES)
def test_no_two_tellings_are_the_same_thing(
    looks: list[tuple[bool, bool]], timing: Timing, snooze: tuple[int, int]
) -> None:
    _, told = play(looks, timing, snooze)
    assert len({(one.since, one.change, one.number) for _, one in told}) == len(told)


@given(_LOOKS, _TIMINGS, _SNOOZES)
def test_looking_at_the_same_moments_again_tells_nothing(
    looks: list[tuple[bool, bool]], timing: Timing, snooze: tuple[int, int]
) -> None:
    state, _ = play(looks, timing, snooze)
    # Moments in which nothing changed are looked at again, too: but for the repeat, which comes with time.
    again = [look for hour, look in enumerate(looks) if state.at and START + hour * HOUR <= state.at]
    assert play(again, timing, snooze, state=state) == (state, [])


@given(_LOOKS, _TIMINGS, st.integers(0, 39), st.integers(1, 40))
def test_while_it_is_snoozed_nothing_is_told(
    looks: list[tuple[bool, bool]], timing: Timing, begin: int, length: int
) -> None:
    _, told = play(looks, timing, (begin, begin + length))
    assert [hour for hour, _ in told if begin <= hour < begin + length] == []


@given(_LOOKS, _TIMINGS)
def test_what_still_holds_at_the_end_was_told(looks: list[tuple[bool, bool]], timing: Timing) -> None:
    looks = [*looks, *[ON] * 6]
    state, told = play(looks, timing)
    assert state.status is Status.FIRING
    assert told[-1][1].change in (Change.FIRING, Change.STILL)
