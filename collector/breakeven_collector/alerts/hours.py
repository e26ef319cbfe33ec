"""What is looked at: calls and dollars of features and services, hour by hour, as one query gives them.

All of a stretch is read at once; what was known at a moment in it is a slice, by when calls began. When they were
received does not count: what came late is where it belongs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from breakeven_collector.alerts.rhythm import Rhythm
from breakeven_collector.projects import of_project
from breakeven_collector.store import Store

HISTORY_DAYS: Final = 36
"""Four weeks, the week before the first of them, and today."""
_HOUR: Final = timedelta(hours=1)
_NONE: Final = timedelta(0)


@dataclass(frozen=True)
class Series:
    """One feature's, or one service's, by the hour from `Hours.start` on."""

    calls: Sequence[float]
    usd: Sequence[float]
    """Known and estimated."""
    known_usd: Sequence[float]
    first: int
    """Index of its first hour with a call."""


@dataclass(frozen=True)
class Hours:
    """What a project took in a stretch of time."""

    project: str
    timezone: ZoneInfo
    start: datetime
    """Begin of the first hour, UTC."""
    features: Mapping[str, Series] = field(default_factory=dict[str, Series])
    """Under the empty name what has no feature."""
    services: Mapping[str, Series] = field(default_factory=dict[str, Series])
    _rhythms: dict[str, Rhythm] = field(default_factory=dict[str, Rhythm], compare=False, repr=False)

    def index(self, at: datetime) -> int:
        """Of the hour that a moment is in."""
        return int((at - self.start) // _HOUR)

    def moment(self, index: int) -> datetime:
        """When an hour begins."""
        return self.start + index * _HOUR

    def midnight(self, day: date) -> int:
        """Index of the hour in which a day begins; of the next full one in zones that are off by half an hour."""
        begins = datetime(day.year, day.month, day.day, tzinfo=self.timezone).astimezone(UTC)
        return int(-((self.start - begins) // _HOUR))

    def day(self, at: datetime) -> date:
        """The reader's day of a moment."""
        return at.astimezone(self.timezone).date()

    def clock_moved(self, index: int, back: int) -> int:
        """By how many hours the reader's clock was set forward between so many hours before an hour and the hour: the
        same time of the day was so much later in the stretch."""
        now, then = (self.moment(n).astimezone(self.timezone).utcoffset() or _NONE for n in (index, index - back))
        return round((now - then) / _HOUR)

    def seen(self, at: datetime) -> Mapping[str, Series]:
        """Features that had a call before a moment."""
        end = self.index(at)
        return {name: one for name, one in self.features.items() if one.first < end}

    def daily(self, values: Sequence[float], last: date, days: int) -> list[float]:
        """Sums of so many days up to `last`, oldest first; 0 where the stretch does not reach back so far."""
        edges = [self.midnight(last + timedelta(days=n - days + 1)) for n in range(days + 1)]
        return [sum(values[max(0, a) : max(0, b)]) for a, b in pairwise(edges)]

    def rhythm(self, feature: str) -> Rhythm:
        """Of a feature's dollars by the hour; asked about a moment, it looks at those before alone."""
        if feature not in self._rhythms:
            series = self.features[feature]
            self._rhythms[feature] = Rhythm(series.usd, 24, series.first)
        return self._rhythms[feature]


def read_hours(
    store: Store, project: str | None, timezone: ZoneInfo, first: datetime, to: datetime
) -> dict[str, Hours]:
    """What each project took, or the one that is named, from so long before `first` as rules look back, up to `to`.

    Raises:
        StoreError: the store cannot be read.
    """
    start = (first - timedelta(days=HISTORY_DAYS)).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    end = to.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    asked = {**of_project(project), "from": int(start.timestamp()), "to": int(end.timestamp())}
    length = max(0, int((end - start) // _HOUR))
    found: dict[str, dict[str, dict[str, Series]]] = {}
    for row in store.query_file("alert_hours", asked):
        kinds = found.setdefault(row["project"], {"feature": {}, "service": {}})
        kinds[row["kind"]][row["name"]] = _series(row, int(start.timestamp()), length)
    return {
        name: Hours(name, timezone, start, kinds["feature"], kinds["service"]) for name, kinds in sorted(found.items())
    }


def _series(row: Mapping[str, Any], start: int, length: int) -> Series:
    calls, usd, known = [0.0] * length, [0.0] * length, [0.0] * length
    for hour, n, dollars, of_it in zip(row["hours"], row["calls"], row["usd"], row["known_usd"], strict=True):
        at = (hour - start) // 3600
        if 0 <= at < length:
            calls[at], usd[at], known[at] = n, dollars, of_it
    first = next((n for n, one in enumerate(calls) if one), length)
    return Series(calls, usd, known, first)
