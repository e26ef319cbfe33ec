"""Gross margin of features and tenants: revenue against cost of goods, over the same days of each month."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from breakeven_collector.period import Period, zone
from breakeven_collector.projects import of_project
from breakeven_collector.report import usd
from breakeven_collector.store import Store

_LEAST_DAYS: Final = 7
"""Two months are compared where each has so many days."""
_CENT: Final = Decimal("0.01")


class MarginBy(StrEnum):
    """Whose margin."""

    FEATURE = "feature"
    TENANT = "tenant"


@dataclass
class _Month:
    revenue: Decimal | None = None
    cost: Decimal | None = None
    estimated: Decimal = Decimal(0)
    unpriced_calls: int = 0


def build_margin(
    store: Store,
    *,
    by: MarginBy = MarginBy.FEATURE,
    months: int = 3,
    project: str | None = None,
    timezone: str = "UTC",
    now: datetime | None = None,
) -> dict[str, Any]:
    """Margins by month.

    Only whole days before today count, and none before the first call: a month's revenue is taken for as many of its
    days as its cost is.

    Args:
        store: an open store.
        by: feature or tenant.
        months: the present one and those before it.
        project: whose; None: of all projects.
        timezone: where months begin.

    Returns:
        by, timezone, months (month, from, to, days), rows and totals. A row has the name (None: not told), its months
        and their sum: revenue_usd, cost_usd, estimated_usd (decimal strings, None where not known), unpriced_calls,
        gross_margin (share of revenue, None without revenue or known cost); warning where its cost grows faster than
        its revenue.

    Raises:
        StoreError: the store cannot be read.
        BadRequest: the zone is not known.
    """
    tz = zone(timezone)
    end = (now or datetime.now(UTC)).astimezone(tz).date()
    first = _back(end - timedelta(days=1), months - 1)
    start, over = (datetime.combine(day, time(), tzinfo=tz) for day in (first, end))
    utc = Period(start, over, start, over, timezone).is_utc
    fine = "minute" if by is MarginBy.TENANT else "day" if utc else "quarter_hour"
    costs = store.query_file(
        "margin",
        {
            **of_project(project), "dimension": str(by), "timezone": timezone, "grain": fine,
            "start": int(start.timestamp()), "to": int(over.timestamp()),
        },
    )  # fmt: skip
    seen = min((row["first_at"].replace(tzinfo=UTC).astimezone(tz).date() for row in costs), default=first)
    covered = list(_months(max(first, seen), end))
    table: defaultdict[str, defaultdict[str, _Month]] = defaultdict(lambda: defaultdict(_Month))
    for row in costs:
        month = table[row["name"]][row["month"]]
        month.cost, month.estimated = row["cost_usd"], row["estimated_usd"] or Decimal(0)
        month.unpriced_calls = int(row["unpriced_calls"])
    for row in store.query_file("revenue", {**of_project(project), "from": first, "to": end}):
        if name := row[str(by)]:
            for label, begin, after in covered:
                if share := _share(row["from_day"], row["to_day"], begin, after):
                    month = table[name][label]
                    month.revenue = (month.revenue or Decimal(0)) + row["amount_usd"] * share
    days = {label: (after - begin).days for label, begin, after in covered}
    rows = [_row(by, name, of, days) for name, of in table.items()]
    rows.sort(key=lambda row: (-Decimal(row["cost_usd"] or 0), row[str(by)] or ""))
    return {
        "by": str(by),
        "timezone": timezone,
        "months": [
            {"month": label, "from": begin.isoformat(), "to": after.isoformat(), "days": days[label]}
            for label, begin, after in covered
        ],
        "rows": rows,
        "totals": _figures(_added([month for of in table.values() for month in of.values()])),
    }


def _row(by: MarginBy, name: str, of: Mapping[str, _Month], days: Mapping[str, int]) -> dict[str, Any]:
    return {
        str(by): name or None,
        **_figures(_added(list(of.values()))),
        "months": [{"month": label, **_figures(of[label])} for label in days if label in of],
        "warning": _warning(of, days),
    }


def _warning(of: Mapping[str, _Month], days: Mapping[str, int]) -> str | None:
    """Of the last two months with days enough and both figures, a day's cost and a day's revenue."""
    labels = [label for label, count in days.items() if count >= _LEAST_DAYS and label in of][-2:]
    if len(labels) < 2:
        return None
    before, now = (of[label] for label in labels)
    if not before.revenue or not now.revenue or not before.cost or now.cost is None:
        return None
    stretch = Decimal(days[labels[0]]) / days[labels[1]]
    cost, revenue = (now.cost / before.cost * stretch - 1, now.revenue / before.revenue * stretch - 1)
    if before.revenue < 0 or cost <= revenue or cost <= 0:
        return None
    return f"cost {cost:+.0%} a day from {labels[0]} to {labels[1]}, revenue {revenue:+.0%}"


def _figures(month: _Month) -> dict[str, Any]:
    margin = None
    if month.revenue is not None and month.revenue > 0 and month.cost is not None:
        margin = float(round(1 - month.cost / month.revenue, 6))
    return {
        "revenue_usd": None if month.revenue is None else usd(month.revenue.quantize(_CENT)),
        "cost_usd": usd(month.cost),
        "estimated_usd": usd(month.estimated),
        "unpriced_calls": month.unpriced_calls,
        "gross_margin": margin,
    }


def _added(months: Sequence[_Month]) -> _Month:
    def known(values: list[Decimal | None]) -> Decimal | None:
        found = [one for one in values if one is not None]
        return sum(found, Decimal(0)) if found else None

    return _Month(
        known([one.revenue for one in months]),
        known([one.cost for one in months]),
        sum((one.estimated for one in months), Decimal(0)),
        sum(one.unpriced_calls for one in months),
    )


def _share(from_day: date, to_day: date, begin: date, after: date) -> Decimal:
    """Of a line's days, those between."""
    inside = (min(to_day, after) - max(from_day, begin)).days
    return Decimal(max(0, inside)) / (to_day - from_day).days


def _months(first: date, end: date) -> Iterator[tuple[str, date, date]]:
    begin = first
    while begin < end:
        after = min((begin.replace(day=1) + timedelta(days=32)).replace(day=1), end)
        yield f"{begin:%Y-%m}", begin, after
        begin = after


def _back(day: date, months: int) -> date:
    count = day.year * 12 + day.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)
