"""The state machines of a project, moved on by what the rules found. Pure."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from breakeven_collector.alerts.condition import Condition, Known
from breakeven_collector.alerts.config import AlertsConfig, RuleConfig
from breakeven_collector.alerts.events import Change, Event, Rule
from breakeven_collector.alerts.state import State, Status, Telling, Timing, step

Key = tuple[Rule, str]
"""Rule and subject."""


@dataclass(frozen=True)
class Snooze:
    """Until when nobody wants to hear of something."""

    rule: Rule
    subject: str | None
    """None: whatever the rule is about."""
    until: datetime


@dataclass(frozen=True)
class Move:
    """A state machine that moved."""

    key: Key
    condition: Condition
    before: State
    after: State
    telling: Telling | None


def timing(rule: Rule, config: RuleConfig) -> Timing:
    """How patient a rule's machines are."""
    return Timing(config.min_duration, config.repeat, tells_over=rule is not Rule.VERDICT)


def known_of(states: Mapping[Key, State]) -> dict[Key, Known]:
    """What the rules may know of them."""
    return {
        key: Known(_is_told(state), state.marker, state.fired_at, state.since)
        for key, state in states.items()
        if state.at is not None
    }


def _is_told(state: State) -> bool:
    return state.status is Status.FIRING or (state.status is Status.SNOOZED and state.tellings > 0)


def move(
    states: Mapping[Key, State],
    conditions: Sequence[Condition],
    at: datetime,
    config: AlertsConfig,
    snoozes: Sequence[Snooze] = (),
    was_so: Callable[[Condition, State], bool] = lambda _condition, _state: True,
) -> list[Move]:
    """Those that change; the others stay as they are."""
    moved: list[Move] = []
    for one in conditions:
        key = (one.rule, one.subject)
        before = states.get(key, State())
        after, telling = step(
            before,
            one,
            at,
            timing(one.rule, config.rules[one.rule]),
            snoozed_until=snoozed_until(snoozes, key),
            was_so=lambda one=one, before=before: was_so(one, before),
        )
        if after != before:
            moved.append(Move(key, one, before, after, telling))
    return moved


def snoozed_until(snoozes: Sequence[Snooze], key: tuple[Rule, str | None]) -> datetime | None:
    """The last word on a rule's subject (None: on all the rule is about): its own snooze, or that of all; the later one
    counts."""
    return max((one.until for one in snoozes if one.rule is key[0] and one.subject in (None, key[1])), default=None)


def event_id(project: str, key: Key, telling: Telling) -> str:
    """The same thing, worked out again or by another collector, has the same."""
    since = telling.since.astimezone(UTC).isoformat()
    parts = (project, key[0], key[1], since, telling.change, str(telling.number))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def event_of(project: str, one: Move, at: datetime, told_before: str = "") -> Event:
    """What is to be told of a move that has a telling.

    Args:
        told_before: the headline that was told last, for a correction.
    """
    if one.telling is None:
        raise ValueError("nothing is to be told of it")
    condition, telling = one.condition, one.telling
    headline = condition.headline
    if telling.change is Change.STILL:
        headline = f"Still so: {headline}"
    elif telling.change is Change.CORRECTED:
        was = f"It was told: {told_before}. " if told_before else ""
        headline = f"That was not so. {was}By what came since (calls, prices, bills, assumptions): {condition.headline}"
    return Event(
        event_id(project, one.key, telling),
        project,
        condition.rule,
        condition.subject,
        telling.change,
        at,
        telling.since,
        headline,
        condition.figure,
        condition.why,
        condition.next_step if telling.change in (Change.FIRING, Change.STILL) else "",
        condition.owner,
        condition.page,
    )
