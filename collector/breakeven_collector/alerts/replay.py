"""What would have been told in a stretch of the past, by the rules of today. Nothing is written, nobody is told.

Calls count from when they began, not from when they were received, and the bill, prices and assumptions are those of
today: what came late then is in time here, so nothing is ever corrected.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from breakeven_collector.alerts.config import AlertsConfig
from breakeven_collector.alerts.evaluate import look_day
from breakeven_collector.alerts.events import Event
from breakeven_collector.alerts.look import find
from breakeven_collector.alerts.machines import Key, event_of, known_of, move
from breakeven_collector.alerts.sources import Remembered
from breakeven_collector.alerts.state import State
from breakeven_collector.alerts.why import why
from breakeven_collector.period import zone
from breakeven_collector.store import Store

_HOUR: Final = timedelta(hours=1)
Progress = Callable[[datetime], None]
"""Called with each day that is looked at."""


def replay(
    store: Store,
    sources: Remembered,
    config: AlertsConfig,
    first: datetime,
    last: datetime,
    timezone: str,
    *,
    progress: Progress = lambda _at: None,
    errors: list[str] | None = None,
) -> list[Event]:
    """What would have been told at the full hours from `first` to `last`, in order.

    Args:
        store: an open store; it is only read.
        sources: of it.
        config: the rules.
        first: the first moment; what is known before is nothing.
        last: the last moment.
        timezone: where days begin.
        progress: is told the days.
        errors: where to say what could not be looked at.

    Raises:
        StoreError: the store cannot be read.
    """
    hours = sources.hours(first, last)
    states: dict[str, dict[Key, State]] = {name: {} for name in hours}
    told: dict[tuple[str, Key], str] = {}
    events: list[Event] = []
    tz, day = zone(timezone), None
    failed: set[str] = set()
    for at in _full_hours(first, last):
        is_daily = look_day(at, tz) != day
        if is_daily:
            day = look_day(at, tz)
            progress(at)
        there = {name: one for name, one in hours.items() if one.seen(at)}
        for name, one in there.items():
            said: list[str] = []
            look = sources.look(one, at, config, is_daily=is_daily, is_alone=len(hours) == 1, errors=said)
            if errors is not None:
                errors += [text for text in said if text not in failed]
                failed |= set(said)
            for moved in move(states[name], find(look, config, known_of(states[name])), at, config):
                states[name][moved.key] = moved.after
                if moved.telling is not None:
                    cause = why(store, name, moved.condition)
                    known = replace(moved, condition=replace(moved.condition, why=cause))
                    events.append(event_of(name, known, at, told.get((name, moved.key), "")))
                    told[name, moved.key] = moved.condition.headline
    return events


def _full_hours(first: datetime, last: datetime) -> Iterator[datetime]:
    at = first.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while at <= last:
        yield at
        at += _HOUR
