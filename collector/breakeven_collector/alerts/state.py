"""The state machine of a rule and subject: a pure function from state and condition to state and what to tell."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from breakeven_collector.alerts.condition import Condition
from breakeven_collector.alerts.events import Change


class Status(StrEnum):
    """Where it stands."""

    OK = "ok"
    PENDING = "pending"
    """The condition holds, but not for long enough yet."""
    FIRING = "firing"
    SNOOZED = "snoozed"
    """There would be something to tell, and nobody wants to hear it now."""
    RESOLVED = "resolved"
    """It was told that it is over; as good as ok."""


@dataclass(frozen=True)
class State:
    """What is known of a rule's subject."""

    status: Status = Status.OK
    since: datetime | None = None
    """When what it is about began; while ok or resolved, when that ended. None: nothing is known yet."""
    at: datetime | None = None
    """The moment that was looked at when it changed last."""
    fired_at: datetime | None = None
    """When it was found firing last."""
    told_at: datetime | None = None
    tellings: int = 0
    """How often it was told since it began."""
    is_active: bool = False
    marker: str = ""


@dataclass(frozen=True)
class Timing:
    """How patient it is."""

    min_duration: timedelta = timedelta(0)
    repeat: timedelta | None = None
    """None: nothing is told again."""
    tells_over: bool = True
    """Whether it is told that it is over."""


@dataclass(frozen=True)
class Telling:
    """What to tell."""

    change: Change
    since: datetime
    number: int
    """Of the tellings since it began, from 1."""


def step(
    state: State,
    condition: Condition,
    at: datetime,
    timing: Timing,
    *,
    snoozed_until: datetime | None = None,
    was_so: Callable[[], bool] = lambda: True,
) -> tuple[State, Telling | None]:
    """The next state, and what is to be told.

    A moment that is not after the last change makes no difference: what is looked at twice is told once.

    Args:
        state: the last one.
        condition: what was found.
        at: the moment that it was found for.
        timing: the rule's.
        snoozed_until: nothing is told before that.
        was_so: whether by what is known now it was firing when it was told; asked where it is over.
    """
    if state.at is not None and at <= state.at:
        return state, None
    is_snoozed = snoozed_until is not None and at < snoozed_until
    match state.status:
        case Status.OK | Status.RESOLVED:
            return _from_ok(state, condition, at, timing, is_snoozed)
        case Status.PENDING:
            if not condition.is_active or condition.marker != state.marker:
                idle = _idle(Status.OK, condition, at, state)
                return _from_ok(idle, condition, at, timing, is_snoozed) if condition.is_active else (idle, None)
            return _held(state, at, timing, is_snoozed)
        case Status.FIRING:
            return _from_firing(state, condition, at, timing, is_snoozed, was_so)
        case Status.SNOOZED:
            return _from_snoozed(state, condition, at, timing, is_snoozed, was_so)


def _idle(status: Status, condition: Condition, at: datetime, before: State) -> State:
    return State(status, at, at, fired_at=before.fired_at, marker=condition.marker)


def _from_ok(
    state: State, condition: Condition, at: datetime, timing: Timing, is_snoozed: bool
) -> tuple[State, Telling | None]:
    if not condition.is_active:
        # What it is about may have become another thing without anything to tell.
        is_new = condition.marker != "" and condition.marker != state.marker
        return (_idle(Status.OK, condition, at, state) if is_new else state), None
    begun = State(Status.PENDING, at, at, is_active=True, marker=condition.marker, fired_at=state.fired_at)
    return _held(begun, at, timing, is_snoozed)


def _held(state: State, at: datetime, timing: Timing, is_snoozed: bool) -> tuple[State, Telling | None]:
    """Of what is pending, now that it still holds."""
    since = state.since or at
    if at - since < timing.min_duration:
        return state, None
    if is_snoozed:
        return replace(state, status=Status.SNOOZED, at=at, fired_at=at), None
    firing = replace(state, status=Status.FIRING, at=at, fired_at=at, told_at=at, tellings=1)
    return firing, Telling(Change.FIRING, since, 1)


def _ended(
    state: State, condition: Condition, at: datetime, timing: Timing, was_so: Callable[[], bool]
) -> tuple[State, Telling | None]:
    """Of what was told, now that it is over."""
    idle = _idle(Status.RESOLVED, condition, at, state)
    if not was_so():
        return idle, Telling(Change.CORRECTED, state.since or at, state.tellings)
    if not timing.tells_over or condition.is_quiet:
        return idle, None
    return idle, Telling(Change.RESOLVED, state.since or at, state.tellings)


def _from_firing(
    state: State, condition: Condition, at: datetime, timing: Timing, is_snoozed: bool, was_so: Callable[[], bool]
) -> tuple[State, Telling | None]:
    is_other = condition.is_active and condition.marker != state.marker
    goes_on = not condition.over and not is_other
    if is_snoozed:
        return replace(state, status=Status.SNOOZED, at=at, is_active=goes_on), None
    if not goes_on:
        return _ended(state, condition, at, timing, was_so)
    is_due = timing.repeat is not None and state.told_at is not None and at - state.told_at >= timing.repeat
    # Between its two levels it is not over, and "still so" would not be true.
    return _told_again(state, at) if is_due and condition.is_active else (state, None)


def _told_again(state: State, at: datetime) -> tuple[State, Telling]:
    number = state.tellings + 1
    still = replace(state, status=Status.FIRING, at=at, told_at=at, tellings=number, is_active=True)
    return still, Telling(Change.STILL, state.since or at, number)


def _from_snoozed(
    state: State, condition: Condition, at: datetime, timing: Timing, is_snoozed: bool, was_so: Callable[[], bool]
) -> tuple[State, Telling | None]:
    was_told = state.tellings > 0
    is_other = condition.is_active and condition.marker != state.marker
    goes_on = not condition.over and not is_other
    if is_snoozed:
        if not goes_on and not was_told:
            return _idle(Status.OK, condition, at, state), None
        return (state if goes_on == state.is_active else replace(state, at=at, is_active=goes_on)), None
    if goes_on and was_told:
        if condition.is_active:
            return _told_again(state, at)
        return replace(state, status=Status.FIRING, at=at, is_active=True), None
    if goes_on and condition.is_active:
        since = state.since or at
        firing = replace(state, status=Status.FIRING, at=at, told_at=at, tellings=1, is_active=True)
        return firing, Telling(Change.FIRING, since, 1)
    if was_told:
        return _ended(state, condition, at, timing, was_so)
    return _idle(Status.OK, condition, at, state), None
