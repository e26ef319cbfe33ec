"""Spend by day: stacked for the chart, a line a feature, and what forecasts and bands are made of."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from breakeven_collector.page.view import UNALLOCATED, View
from breakeven_collector.projects import of_project
from breakeven_collector.report import priced_for, spent, usd
from breakeven_collector.store import Store

MOST_BANDS: Final = 8
"""As many names as can be told apart by colour; the rest is one band."""
_ZERO: Final = Decimal(0)
_ABSENT: Final = {
    "feature": UNALLOCATED,
    "model": "(no model told)",
    "provider": "(no provider told)",
    "tenant": "(no tenant)",
    "service": "(no service told)",
    "environment": "(no environment told)",
}
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Daily:
    """Spend by day and name.

    Attributes:
        days: Every day from first to last, the present one included.
        by_name: Name (empty: none told) → known and estimated dollars a day; a day without calls is 0.
    """

    days: Sequence[date]
    by_name: Mapping[str, Sequence[Decimal]]

    def since(self, first: date) -> "Daily":
        """The same from a day on."""
        cut = next((i for i, day in enumerate(self.days) if day >= first), len(self.days))
        return Daily(self.days[cut:], {name: usds[cut:] for name, usds in self.by_name.items()})

    def whole(self) -> list[Decimal]:
        """All names together."""
        return [sum(day, _ZERO) for day in zip(*self.by_name.values(), strict=True)] or [_ZERO] * len(self.days)


@dataclass(frozen=True)
class Cut:
    """One way in which spend is put together.

    Attributes:
        dimension: feature, model, provider, tenant, user_id, service or environment.
        by_day: Each day apart.
        start: None: from the beginning of the view's period.
    """

    dimension: str
    by_day: bool = False
    start: datetime | None = None


def read_spend(store: Store, view: View, cuts: Sequence[Cut]) -> list[list[dict[str, Any]]]:
    """Rows of `page_spend.sql`, a list for each cut, in one statement.

    Raises:
        StoreError: the store cannot be read.
    """
    asked = [
        (cut.dimension, view.grain(cut.dimension), cut.by_day, int((cut.start or view.period.start).timestamp()))
        for cut in cuts
    ]
    grains = sorted({grain for _, grain, _, _ in asked})
    rows = store.rows(
        priced_for(store, "page_spend", minutes="minute" in grains),
        {
            **of_project(view.project),
            **view.filters,
            **view.of_feature(),
            "timezone": view.asked.timezone,
            "cuts": asked,
            "grains": grains,
            "start": min(start for *_, start in asked),
            "to": int(view.period.over.timestamp()),
            "book": "",
        },
    )
    return [[row for row in rows if row["cut"] == at] for at in range(1, len(cuts) + 1)]


def read_daily(store: Store, view: View, dimension: str, start: datetime) -> Daily:
    """Spend from a day on.

    Raises:
        StoreError: the store cannot be read.
    """
    (rows,) = read_spend(store, view, [Cut(dimension, by_day=True, start=start)])
    return daily(rows, start.date(), view.period.last_day)


def daily(rows: Rows, first: date, last: date) -> Daily:
    """From rows of `page_spend.sql`."""
    days = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    place = {day.isoformat(): i for i, day in enumerate(days)}
    by_name: dict[str, list[Decimal]] = defaultdict(lambda: [_ZERO] * len(days))
    for row in rows:
        # Clocks of applications may be ahead of the last day.
        at = place.get(row["date"], len(days) - 1)
        by_name[row["name"]][at] += spent(row) or _ZERO
    return Daily(days, dict(by_name))


def stacked(spend: Daily, by: str) -> dict[str, Any]:
    """The document of `/api/series`: `by`, `days`, and `series`, the dearest first.

    Each of them has `name` (None: not told, or several together), `label` for people, `others` (how many are together)
    and `usd`, decimal strings a day: known and estimated dollars.
    """
    ordered = sorted(spend.by_name.items(), key=lambda item: (-sum(item[1], _ZERO), item[0]))
    shown, rest = ordered[:MOST_BANDS], ordered[MOST_BANDS:]
    if len(rest) == 1:
        shown, rest = ordered, []
    series: list[dict[str, Any]] = [
        {"name": name or None, "label": name or _ABSENT[by], "others": 0, "usd": [usd(one) for one in usds]}
        for name, usds in shown
    ]
    if rest:
        sums = [sum(day, _ZERO) for day in zip(*(usds for _, usds in rest), strict=True)]
        label = f"{len(rest)} others"
        series.append({"name": None, "label": label, "others": len(rest), "usd": [usd(one) for one in sums]})
    return {"by": by, "days": [day.isoformat() for day in spend.days], "series": series}


def thirty_days(usds: Sequence[Decimal]) -> Decimal:
    """The trailing 30 days."""
    return sum(usds[-30:], _ZERO)


def month_start(view: View, days: int = 30) -> datetime:
    """Where a chart needs to begin for the forecast, the sparklines and the trailing 30 days to be had from it, too."""
    earliest = view.period.last_day - timedelta(days=days)
    return datetime.combine(min(earliest, view.period.start.date()), time(), tzinfo=view.period.start.tzinfo)
