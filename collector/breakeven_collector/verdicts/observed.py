"""The observed profile: what each feature took, hour by hour, over the last whole days of a store.

Money is Decimal as it stands in `spend`; the model (`economics`) works on floats.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from breakeven_collector.economics.evidence import WINDOW_DAYS
from breakeven_collector.economics.load import Hour
from breakeven_collector.period import Period, zone
from breakeven_collector.projects import of_project
from breakeven_collector.store import Store

_HISTORY_DAYS: Final = 400
NIGHT: Final = range(6)
"""Hours of the day, in the reader's zone, in which nobody is thought to wait for an answer."""
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True)
class Window:
    """Whole days in a zone: from the first midnight up to the last, which is today's."""

    start: datetime
    end: datetime
    timezone: str

    @classmethod
    def before(cls, now: datetime, timezone: str, days: int = WINDOW_DAYS) -> "Window":
        """The last so many days before today.

        Raises:
            BadRequest: the zone is not known.
        """
        tz = zone(timezone)
        today = now.astimezone(tz).date()
        return cls(_midnight(today - timedelta(days=days), tz), _midnight(today, tz), timezone)

    def hours(self, since: datetime) -> list[datetime]:
        """Starts of the hours from the day of `since` on, in UTC; all of them where `since` is earlier."""
        tz = zone(self.timezone)
        first = max(self.start, _midnight(since.astimezone(tz).date(), tz)).astimezone(UTC)
        count = round((self.end.astimezone(UTC) - first) / _HOUR)
        return [first + n * _HOUR for n in range(count)]

    @property
    def period(self) -> Period:
        """For a report of the same days; nothing is compared with what was before."""
        return Period(self.start, self.end, self.start, self.end, self.timezone)

    @property
    def dates(self) -> list[date]:
        """The days."""
        return [self.start.date() + timedelta(days=n) for n in range((self.end.date() - self.start.date()).days)]

    def document(self) -> dict[str, Any]:
        """For JSON; `to` is the first day after."""
        return {
            "from": self.start.date().isoformat(),
            "to": self.end.date().isoformat(),
            "days": len(self.dates),
            "timezone": self.timezone,
        }


@dataclass(frozen=True)
class Profile:
    """One feature, or with an empty name what no feature pays for. Counts and tokens are of its live calls.

    Live is what a model of one's own would take over: cost of goods, and no retry.
    """

    feature: str
    window: Window
    days: int
    """From its first call up to the end of the window, whole days."""
    hours: tuple[Hour, ...]
    """Every hour since it is there, those without calls too; dollars as floats."""
    calls: float = 0
    """0 with tokens: the account does not count them."""
    failed_calls: float = 0
    uncached_tokens: float = 0
    """With what was written to a cache, audio and images."""
    cached_tokens: float = 0
    output_tokens: float = 0
    mean_seconds: float | None = None
    p95_seconds: float | None = None
    """95 in 100 of its calls take no longer, whatever their environment; retries apart. None: not asked for, or no
    calls."""
    live_usd: Decimal = Decimal(0)
    estimated_usd: Decimal = Decimal(0)
    """Of live calls whose usage nobody reported; not in `live_usd`."""
    unpriced_calls: float = 0
    """Neither priced nor estimated."""
    unpriced_tokens: float = 0
    """On a bill, without a rate."""
    retry_usd: Decimal = Decimal(0)
    other_usd: Decimal = Decimal(0)
    """Research and sales: evaluation, playground, staging, demos."""
    inferred_usd: Decimal = Decimal(0)
    """Of all its dollars: under a name that was neither declared nor mapped."""
    usd_by_model: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    input_by_model: Mapping[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    """Model → tokens of input outside the cache, and read from it."""
    usd_by_provider: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    daily_usd: tuple[float | None, ...] = ()
    """Live dollars of the window's days; None: before it was there."""
    batch_usd: Decimal = Decimal(0)
    """Bought at a batch price already."""
    night_usd: Decimal = Decimal(0)
    """Of the rest: from midnight to six."""
    is_imported: bool = False
    """From the usage in providers' accounts instead of calls: dollars are by our rates."""
    is_by_day: bool = False
    """The account tells days, not hours: the load has no peaks, and no nights."""

    @property
    def spend_usd(self) -> Decimal:
        """All its dollars: what the bill says of the same days."""
        return self.live_usd + self.retry_usd + self.other_usd

    @property
    def unpriced_share(self) -> float:
        """Of the live calls; of the tokens where an account does not count calls."""
        if self.calls:
            return self.unpriced_calls / self.calls
        return self.unpriced_tokens / self.tokens if self.tokens else 0.0

    @property
    def tokens(self) -> float:
        """Of all kinds."""
        return self.uncached_tokens + self.cached_tokens + self.output_tokens

    @property
    def cached_share(self) -> float | None:
        """Of the input tokens."""
        whole = self.uncached_tokens + self.cached_tokens
        return self.cached_tokens / whole if whole else None


def observe(
    store: Store, *, now: datetime, timezone: str = "UTC", project: str | None = None, latency: bool = False
) -> tuple[Window, dict[str, Profile]]:
    """The profiles of all features, dearest first; under the empty name what is unallocated.

    Where no call is in the window, they come from the usage in the providers' accounts, if one was imported.

    Args:
        store: an open store.
        now: today is not in the window: its day is not over.
        timezone: where days begin, and when night is.
        project: whose; None: of all projects.
        latency: also `p95_seconds`, for which every call is read.

    Raises:
        StoreError: the store cannot be read.
        BadRequest: the zone is not known.
    """
    window = Window.before(now, timezone)
    asked = {
        **of_project(project),
        "timezone": timezone,
        "start": int(window.start.timestamp()),
        "to": int(window.end.timestamp()),
        "from": int((window.start - timedelta(days=_HISTORY_DAYS)).timestamp()),
    }
    found = _profiles(window, store.query_file("profile", asked))
    if found and latency:
        slow = {row["feature"]: row["p95_seconds"] for row in store.query_file("latency", asked)}
        found = [replace(one, p95_seconds=slow.get(one.feature)) for one in found]
    if not found and store.query_file("is_billed", asked):
        rows = store.query_file("profile_billed", asked)
        by_day = {row["feature"] for row in rows if row["by_day"]}
        found = [
            replace(
                one,
                is_imported=True,
                is_by_day=one.feature in by_day,
                mean_seconds=None,
                night_usd=Decimal(0) if one.feature in by_day else one.night_usd,
            )
            for one in _profiles(window, rows)
        ]
    return window, {one.feature: one for one in sorted(found, key=lambda one: (-one.spend_usd, one.feature))}


def _profiles(window: Window, rows: Sequence[Mapping[str, Any]]) -> list[Profile]:
    by_feature: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_feature[row["feature"]].append(row)
    return [_profile(name, window, of) for name, of in by_feature.items() if any(row["hour"] for row in of)]


def _profile(feature: str, window: Window, rows: Sequence[Mapping[str, Any]]) -> Profile:
    tz = zone(window.timezone)
    inside = [row for row in rows if row["hour"]]
    first = min(row["first_at"] for row in rows).replace(tzinfo=UTC)
    by_model: defaultdict[str, Decimal] = defaultdict(Decimal)
    by_provider: defaultdict[str, Decimal] = defaultdict(Decimal)
    by_cache: defaultdict[str, tuple[Decimal, Decimal]] = defaultdict(lambda: (Decimal(0), Decimal(0)))
    daily: defaultdict[date, Decimal] = defaultdict(Decimal)
    night = batch = Decimal(0)
    by_hour: defaultdict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in inside:
        by_hour[row["hour"]].append(row)
        usd = row["cost_usd"] or Decimal(0)
        at = datetime.fromtimestamp(row["hour"], tz)
        by_model[row["model"]] += usd
        by_provider[row["provider"]] += usd
        uncached, cached = by_cache[row["model"]]
        by_cache[row["model"]] = (
            uncached + row["uncached_tokens"] + row["cache_write_tokens"],
            cached + row["cached_tokens"],
        )
        daily[at.date()] += usd
        if row["batch"]:
            batch += usd
        elif at.hour in NIGHT:
            night += usd
    calls = _sum(inside, "calls")
    first_day = first.astimezone(tz).date()
    return Profile(
        feature,
        window,
        (window.end.date() - first_day).days,
        tuple(_hour(start, by_hour.get(int(start.timestamp()), ())) for start in window.hours(first)),
        float(calls),
        float(_sum(inside, "failed_calls")),
        float(_sum(inside, "uncached_tokens") + _sum(inside, "cache_write_tokens")),
        float(_sum(inside, "cached_tokens")),
        float(_sum(inside, "output_tokens")),
        float(_sum(inside, "duration_us") / calls / 1_000_000) if calls else None,
        None,
        _sum(inside, "cost_usd"),
        _sum(inside, "estimated_usd"),
        float(_sum(inside, "unpriced_calls")),
        float(_sum(inside, "unpriced_tokens")),
        _sum(inside, "retry_usd"),
        _sum(inside, "other_usd"),
        _sum(inside, "unallocated_usd"),
        usd_by_model=_dearest(by_model),
        input_by_model={name: (float(out), float(read)) for name, (out, read) in by_cache.items()},
        usd_by_provider=_dearest(by_provider),
        daily_usd=tuple(float(daily[day]) if day >= first_day else None for day in window.dates),
        batch_usd=batch,
        night_usd=night,
    )


def _hour(start: datetime, rows: Sequence[Mapping[str, Any]]) -> Hour:
    return Hour(
        start,
        float(_sum(rows, "calls")),
        float(_sum(rows, "uncached_tokens") + _sum(rows, "cache_write_tokens")),
        float(_sum(rows, "cached_tokens")),
        float(_sum(rows, "output_tokens")),
        float(_sum(rows, "cost_usd")),
    )


def _sum(rows: Sequence[Mapping[str, Any]], key: str) -> Decimal:
    return sum((row[key] for row in rows if row[key] is not None), Decimal(0))


def _dearest(usd: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return dict(sorted(((name, one) for name, one in usd.items() if one), key=lambda pair: -pair[1]))


def _midnight(day: date, tz: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=tz)
