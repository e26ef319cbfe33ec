"""One look at all projects at a moment: data, rules, state machines, and what is to be told into the store."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from breakeven_collector.alerts.condition import Condition
from breakeven_collector.alerts.config import AlertsConfig
from breakeven_collector.alerts.events import Event, Rule
from breakeven_collector.alerts.hours import Hours
from breakeven_collector.alerts.log import AlertLog, Held
from breakeven_collector.alerts.look import HOURLY, find
from breakeven_collector.alerts.machines import Key, Move, Snooze, event_of, known_of, move
from breakeven_collector.alerts.sources import Sources, Stopped
from breakeven_collector.alerts.state import State, Status
from breakeven_collector.alerts.why import why
from breakeven_collector.errors import StoreError
from breakeven_collector.store import Store

DAY_BEGINS_HOURS: Final = 2
"""Rules that look once a day do so two hours after midnight: calls that end late have come by then."""
_TRIES: Final = 5
_CORRECTED: Final = timedelta(days=14)
"""What was told longer ago than that is over, and no more looked at for whether it was so: its calls may be gone."""
_log = logging.getLogger(__name__)


@dataclass
class Outcome:
    """What a look came to."""

    at: datetime
    is_daily: bool
    conditions: int = 0
    events: list[Event] = field(default_factory=list[Event])
    """To be told, new."""
    errors: list[str] = field(default_factory=list[str])
    """What could not be looked at."""
    has_moved: bool = False
    """Whether a state machine did."""


def full_hour(moment: datetime) -> datetime:
    """The last full hour."""
    return moment.replace(minute=0, second=0, microsecond=0)


def look_day(at: datetime, timezone: ZoneInfo) -> date:
    """The day whose daily look a moment belongs to."""
    return (at - timedelta(hours=DAY_BEGINS_HOURS)).astimezone(timezone).date()


def _is_snoozed(states: Mapping[Key, State]) -> bool:
    return any(one.status is Status.SNOOZED for one in states.values())


class Evaluator:
    """Looks, and keeps what is to be told.

    Args:
        store: an open store.
        sources: where the data comes from.
        stop: when it is set, the look ends at the next step.
    """

    def __init__(self, store: Store, sources: Sources, stop: threading.Event | None = None) -> None:
        self._store, self._sources = store, sources
        self._log = AlertLog(store)
        self._stop = stop or threading.Event()

    def run(
        self,
        at: datetime,
        config: AlertsConfig,
        *,
        is_daily: bool,
        hours: Mapping[str, Hours] | None = None,
        dry_run: bool = False,
        afresh: bool = False,
    ) -> Outcome:
        """Look at all projects at a full hour.

        Args:
            at: the moment, UTC.
            config: the rules.
            is_daily: also by the rules that look once a day.
            hours: what was taken, where it is read already.
            dry_run: write nothing.
            afresh: with `dry_run`: as if nothing was known or snoozed before.

        Raises:
            StoreError: the store cannot be read or refuses.
            Stopped: it was asked to stop.
        """
        started = time.monotonic()
        outcome = Outcome(at, is_daily)
        if not dry_run:
            outcome.events += self._log.settle()
        by_project = hours if hours is not None else self._sources.hours(at, at)
        held, is_alone = {} if afresh else self._log.states(), len(by_project) == 1
        for name, of_it in by_project.items():
            self._check()
            known = held.get(name, {})
            snoozes = () if afresh else None
            self._look_at(name, of_it, at, config, outcome, known, is_alone=is_alone, dry_run=dry_run, snoozes=snoozes)
        if not dry_run:
            if outcome.has_moved:
                outcome.events += self._log.settle()
            seconds = time.monotonic() - started
            error = "; ".join(outcome.errors)[:2_000]
            kinds = ("hourly", "daily") if is_daily else ("hourly",)
            self._log.add_run(kinds, at, seconds, outcome.conditions, len(outcome.events), error)
        return outcome

    def _check(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def _look_at(
        self,
        project: str,
        hours: Hours,
        at: datetime,
        config: AlertsConfig,
        outcome: Outcome,
        held: Mapping[Key, Held],
        *,
        is_alone: bool,
        dry_run: bool,
        snoozes: Sequence[Snooze] | None,
    ) -> None:
        look = self._sources.look(
            hours, at, config, is_daily=outcome.is_daily, is_alone=is_alone, keep=not dry_run, errors=outcome.errors
        )
        self._check()
        if look.forecasts is not None and not dry_run:
            self._log.add_forecasts(project, look.forecasts, at)
        left: set[Key] | None = None
        for _ in range(_TRIES):
            states = {key: one.state for key, one in held.items()}
            conditions = find(look, config, known_of(states))
            outcome.conditions = max(outcome.conditions, len(conditions))
            if left is not None:
                conditions = [one for one in conditions if (one.rule, one.subject) in left]
            was_so = self._was_so(project, at, config, is_alone, held)
            if snoozes is None and (move(states, conditions, at, config) or _is_snoozed(states)):
                snoozes = self._log.snoozes(project)
            moves = move(states, conditions, at, config, snoozes or (), was_so)
            self._check()
            told = [self._told(project, one, at, held, outcome) for one in moves]
            if dry_run:
                outcome.events += [event for _, event in told if event is not None]
                return
            outcome.has_moved = outcome.has_moved or bool(told)
            left = self._log.write(project, told, held)
            if not left:
                return
            # Another collector was there first: what it knows is where the next step begins.
            time.sleep(0.05)
            held = self._log.states().get(project, {})
        raise StoreError(f"alerts of {project!r} changed under {_TRIES} looks in a row; they are looked at again later")

    def _told(
        self, project: str, one: Move, at: datetime, held: Mapping[Key, Held], outcome: Outcome
    ) -> tuple[Move, Event | None]:
        if one.telling is None:
            return one, None
        try:
            condition = replace(one.condition, why=why(self._store, project, one.condition))
        except StoreError as error:
            # Told without its causes rather than not at all.
            outcome.errors.append(f"causes of {one.condition.subject}: {error}")
            condition = one.condition
        with_why = replace(one, condition=condition)
        before = held[one.key].headline if one.key in held else ""
        return with_why, event_of(project, with_why, at, before)

    def _was_so(
        self, project: str, at: datetime, config: AlertsConfig, is_alone: bool, held: Mapping[Key, Held]
    ) -> Callable[[Condition, State], bool]:
        """Whether by what is known now a condition held when it was told."""
        looked: dict[tuple[Rule, datetime], Sequence[Condition]] = {}

        def was_so(condition: Condition, state: State) -> bool:
            rule, then = condition.rule, state.fired_at
            # A verdict is told as it was; whether data or assumptions moved it says `decide --diff`.
            if then is None or then < at - _CORRECTED or rule is Rule.VERDICT:
                return True
            if rule not in config.on():
                return True
            known = held.get((rule, condition.subject))
            if rule is Rule.BUDGET and known and known.limit_usd != condition.figure.limit_usd:
                # Another budget, or none: what was told was so by the one of then.
                return True
            if (rule, then) not in looked:
                hours = self._sources.hours(then, then).get(project)
                if hours is None:
                    return False
                failed: list[str] = []
                look = self._sources.look(
                    hours, then, config, is_daily=rule not in HOURLY, is_alone=is_alone, rules=(rule,), errors=failed
                )
                if failed:
                    return True
                looked[rule, then] = find(look, config, {})
            return any(one.is_active and one.subject == condition.subject for one in looked[rule, then])

        return was_so
