"""The stretch of time that a report is about, in a time zone, and the one before it that it is compared with.

Calls are kept in UTC. Days and months begin at midnight in the zone of the reader, so one has 23 or 25 hours where the
clock is changed. Prices change at midnight UTC, whatever the zone.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from breakeven_collector.errors import BadRequest

_EARLIEST: Final = date(2020, 1, 1)
"""No call is earlier: start times before 2020 are replaced."""
_LATEST: Final = date(2100, 1, 1)
_DAY: Final = 86_400
_EPOCH: Final = date(1970, 1, 1)
_UTC_NAMES: Final = frozenset({"UTC", "Etc/UTC", "Zulu", "Etc/Zulu", "GMT", "Etc/GMT"})


@dataclass(frozen=True)
class Period:
    """From `start` up to `end`, and the one before it. All four carry the zone.

    Attributes:
        start: First instant.
        end: After the last; the present where the period is not over.
        previous_start: First instant of the one before.
        previous_end: As far into the one before as `end` is into this one, cut at a quarter of an hour.
        timezone: Name of the zone.
    """

    start: datetime
    end: datetime
    previous_start: datetime
    previous_end: datetime
    timezone: str

    @property
    def days(self) -> int:
        """Days that it touches."""
        return (self.last_day - self.start.date()).days + 1

    @property
    def last_day(self) -> date:
        """The last day that it touches."""
        return (self.end - timedelta(microseconds=1)).date()

    @property
    def over(self) -> datetime:
        """Midnight after it: clocks of applications may be ahead, and what says later today is today's."""
        return _midnight(self.last_day + timedelta(days=1), zone(self.timezone))

    @property
    def is_utc(self) -> bool:
        """Whether its days are the days of the cubes."""
        return self.timezone in _UTC_NAMES


@dataclass(frozen=True)
class Asked:
    """A period as someone asks for it: the last days, or a month, or from one day to another.

    Attributes:
        days: The last so many days, where neither a month nor days are named.
        month: Such as `2026-10`.
        first: First day.
        last: Last day, included; today where left out.
        timezone: Where days begin.
    """

    days: int = 30
    month: str | None = None
    first: date | None = None
    last: date | None = None
    timezone: str = "UTC"

    def period(self, now: datetime) -> Period:
        """The period.

        Raises:
            BadRequest: it cannot be made out.
        """
        if self.month is not None and (self.first or self.last):
            raise BadRequest(422, "a month, or days from and to: not both")
        if self.month is not None:
            return month(self.month, now, self.timezone)
        if self.first is None:
            if self.last is not None:
                raise BadRequest(422, f"to {self.last} without a day to begin from")
            return last_days(self.days, now, self.timezone)
        return between(self.first, self.last or now.astimezone(zone(self.timezone)).date(), now, self.timezone)

    def query(self) -> dict[str, str]:
        """As parameters of an address."""
        named = {"month": self.month, "from": self.first, "to": self.last}
        told = {name: str(value) for name, value in named.items() if value is not None}
        return {**(told or {"days": str(self.days)}), "timezone": self.timezone}


def zone(name: str) -> ZoneInfo:
    """The time zone of this name.

    Raises:
        BadRequest: there is none.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadRequest(422, f"timezone {name!r} is not known; write one such as Europe/Berlin or UTC") from None


def last_days(days: int, now: datetime, timezone: str = "UTC") -> Period:
    """The last so many days, today included, against as much of the days before.

    Raises:
        BadRequest: the zone is not known, or that many days cannot be counted back.
    """
    tz = zone(timezone)
    now = now.astimezone(tz)
    back = timedelta(days=days)
    try:
        return Period(
            start=_midnight(now.date() - back + timedelta(days=1), tz),
            end=now,
            previous_start=_midnight(now.date() - 2 * back + timedelta(days=1), tz),
            previous_end=datetime.combine(now.date() - back, _quarter(now).time(), tzinfo=tz),
            timezone=timezone,
        )
    except OverflowError:
        raise BadRequest(422, f"days is {days}; that is before the calendar begins") from None


def month(name: str, now: datetime, timezone: str = "UTC") -> Period:
    """A month, such as `2026-10`, against the month before; the present one as far as it has come.

    Raises:
        BadRequest: the zone is not known, or this is no month, or one that has not begun.
    """
    tz = zone(timezone)
    try:
        first = date.fromisoformat(f"{name}-01")
    except ValueError:
        raise BadRequest(422, f"month {name!r} is not known; write year and month, such as 2026-10") from None
    return _stretch(first, _next_month(first), _last_month(first), tz, now, timezone, f"month {name!r}")


def between(first: date, last: date, now: datetime, timezone: str = "UTC") -> Period:
    """From one day to another, both included, against as many days before.

    Raises:
        BadRequest: the zone is not known, or the last day is before the first, or the first has not begun.
    """
    check_days(first, last)
    after = last + timedelta(days=1)
    return _stretch(first, after, first - (after - first), zone(timezone), now, timezone, f"from {first}")


def check_days(first: date, last: date) -> None:
    """Refuse days that are in the wrong order, or beyond what the store can hold.

    Raises:
        BadRequest: 422.
    """
    if last < first:
        raise BadRequest(422, f"from {first} to {last}: the last day is before the first")
    if not (first >= _EARLIEST and last < _LATEST):
        raise BadRequest(422, f"from {first} to {last}: days are from {_EARLIEST} to {_LATEST}")


def _stretch(first: date, after: date, before: date, tz: ZoneInfo, now: datetime, timezone: str, what: str) -> Period:
    if not (first >= _EARLIEST and after <= _LATEST):
        raise BadRequest(422, f"{what} up to {after}: days are from {_EARLIEST} to {_LATEST}")
    start, over = _midnight(first, tz), _midnight(after, tz)
    now = now.astimezone(tz)
    if now < start:
        raise BadRequest(422, f"{what} has not begun")
    previous_start = _midnight(before, tz)
    if now >= over:
        return Period(start, over, previous_start, start, timezone)
    # A longer month may be further along than the shorter one before it ever was.
    elapsed = datetime.combine(before + (now.date() - first), _quarter(now).time(), tzinfo=tz)
    return Period(start, now, previous_start, min(elapsed, start), timezone)


def _midnight(day: date, tz: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=tz)


def _quarter(moment: datetime) -> datetime:
    """Cut at a quarter of an hour, the finest that every dimension has."""
    return moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)


def _next_month(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)


def _last_month(first: date) -> date:
    return (first - timedelta(days=1)).replace(day=1)


def utc_seconds(day: date) -> int:
    """When a UTC day begins, in Unix seconds."""
    return (day - _EPOCH).days * _DAY


def window(period: Period, *, whole: str, parts: str, by_time: bool = False) -> dict[str, object]:
    """Which rows of the ledger make up the period and the one before, as parameters of the queries.

    Days of UTC that lie whole in them come from one grain, what is left at either end from a finer one.

    Args:
        period: the period.
        whole: grain of whole UTC days.
        parts: grain for a part of a UTC day.
        by_time: the period is told by its own days or months; where they are not those of UTC, it is made of parts.
    """
    start, to, before, before_end = (
        int(moment.timestamp()) for moment in (period.start, period.over, period.previous_start, period.previous_end)
    )
    cut = period.is_utc or not by_time
    return {
        "start": start,
        "to": to,
        "timezone": period.timezone,
        "grain": whole,
        "part_grain": parts,
        **_cut("", start, to, cut=cut),
        # Of the period before only the whole is told.
        **_cut("earlier_", before, before_end, cut=True),
    }


def _cut(prefix: str, start: int, end: int, *, cut: bool) -> dict[str, int]:
    """The whole UTC days from `start` to `end`, and what is left before and after them; in seconds."""
    first, last = -(-start // _DAY) * _DAY, end // _DAY * _DAY
    if first >= last or not cut:
        first = last = end
    return {
        f"{prefix}head_from": start,
        f"{prefix}head_to": first,
        f"{prefix}whole_from": first,
        f"{prefix}whole_to": last,
        f"{prefix}tail_from": last,
        f"{prefix}tail_to": end,
    }
