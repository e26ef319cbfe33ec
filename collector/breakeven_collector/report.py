"""The bill: computed in SQL from `spend`, put into one document that API, command line and page share."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypedDict

from breakeven_collector.features import Feature
from breakeven_collector.store import Store

PARETO_SHARE = Decimal("0.8")
"""The features that make this share of the bill stand above the rule."""


class Dimension(StrEnum):
    """What the bill can be broken down by."""

    FEATURE = "feature"
    MODEL = "model"
    PROVIDER = "provider"
    TENANT = "tenant"
    USER = "user"
    SERVICE = "service"

    @property
    def plural(self) -> str:
        """Key of the rows in the document."""
        return f"{self}s"


# Column, grain of whole days, grain of parts of a day.
_SOURCES: Mapping[Dimension, tuple[str, str, str]] = {
    Dimension.FEATURE: ("feature", "day", "quarter_hour"),
    Dimension.MODEL: ("model", "day", "quarter_hour"),
    Dimension.PROVIDER: ("provider", "day", "quarter_hour"),
    Dimension.SERVICE: ("service", "day", "quarter_hour"),
    Dimension.TENANT: ("tenant", "tenant_day", "minute"),
    Dimension.USER: ("user_id", "user_day", "minute"),
}


class Coverage(TypedDict):
    """Shares of calls, 0 to 1; None without calls."""

    priced: float | None
    """With a dollar figure."""
    reported_usage: float | None
    """Whose usage is known: reported, or none because the call was refused before work."""
    allocated: float | None
    """With a declared or mapped feature; an inferred name does not count."""


class Removed(TypedDict):
    """What is not in the bill because it would be counted twice."""

    duplicate_calls: int
    wrapper_calls: int
    cost_usd: str | None


class Lost(TypedDict):
    """Spans that were numbered by a process and never came."""

    spans: int
    numbered: int


class Unpriced(TypedDict):
    """Calls (or units of a meter) without dollars, and why."""

    reason: str
    provider: str
    model: str
    meter: str | None
    calls: int
    quantity: str | None


Row = dict[str, Any]
"""The dimension's name (None: unallocated, or not told), and calls, failed_calls, input_tokens, cached_input_tokens,
output_tokens (int); cost_usd, cost_per_call_usd, previous_cost_usd (decimal string or None); share, cumulative_share,
trend (float or None); unpriced_calls (int), unpriced_units (of meters without
a rate, decimal string). By feature also allocated_calls (int; 0: the name is only inferred), owner,
cost_centre, budget_usd_per_month."""

Report = dict[str, Any]
"""The document: period, by, price_book, the rows under the dimension's plural, totals, coverage, unpriced, removed,
lost. USD are decimal strings, None where not known."""


def build_report(
    store: Store,
    *,
    days: int = 30,
    by: Dimension = Dimension.FEATURE,
    features: Mapping[str, Feature] | None = None,
    now: datetime | None = None,
    project: str = "default",
) -> Report:
    """The bill of the last `days` days in UTC, today included, against as much of the days before.

    Args:
        store: an open store.
        days: length of the period, from 1.
        by: the dimension.
        features: what is declared about features.
        now: end of the period; the present where left out.
        project: whose bill.

    Raises:
        StoreError: the store cannot be read.
    """
    now = (now or datetime.now(UTC)).astimezone(UTC)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    start = today - timedelta(days=days - 1)
    # Cut at a quarter of an hour, the finest that every dimension has.
    quarter = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    previous_from, previous_to = start - timedelta(days=days), quarter - timedelta(days=days)
    column, whole_days, parts = _SOURCES[by]
    window = {"project": project, "from": int(start.timestamp())}
    found = store.query_file(
        "report",
        {
            **window,
            "dimension": column,
            "days": whole_days,
            "fine": parts,
            "previous_from": int(previous_from.timestamp()),
            "cut_day": int((today - timedelta(days=days)).timestamp()),
            "previous_to": int(previous_to.timestamp()),
        },
    )
    totals = _totals(found)
    lost = store.query_file("lost", window)[0]
    return {
        "period": {"from": start.isoformat(), "to": now.isoformat(), "days": days},
        "by": str(by),
        "price_book": store.rows("SELECT argMax(book_version, loaded_at) AS v FROM price_books")[0]["v"] or None,
        by.plural: _rows(found, by, totals["cost_usd"], features or {}),
        "totals": {
            **{key: totals[key] for key in _COUNTS},
            "cost_usd": usd(totals["cost_usd"]),
            "allocated_usd": usd(totals["allocated_usd"]),
            "previous_cost_usd": usd(totals["previous_cost_usd"]),
            "trend": _trend(totals["cost_usd"], totals["previous_cost_usd"]),
            "unpriced_calls": totals["unpriced_calls"],
        },
        "coverage": _coverage(totals),
        "unpriced": [_unpriced(row) for row in store.query_file("unpriced", window)],
        "removed": Removed(
            duplicate_calls=totals["duplicate_calls"],
            wrapper_calls=totals["wrapper_calls"],
            cost_usd=usd(totals["removed_usd"] or Decimal(0)),
        ),
        "lost": Lost(spans=int(lost["lost"] or 0), numbered=int(lost["numbered"] or 0)),
    }


def declare(report: Report, features: Mapping[str, Feature]) -> Report:
    """The report with what is declared here about its features put over what the collector knows."""
    for row in report.get(Dimension.FEATURE.plural, []):
        if (declared := features.get(row["feature"] or "")) is not None:
            row |= _declared(declared)
    return report


def _declared(feature: Feature) -> Row:
    return {
        "owner": feature.owner,
        "cost_centre": feature.cost_centre,
        "budget_usd_per_month": usd(feature.budget_usd_per_month),
    }


def usd(amount: Decimal | None) -> str | None:
    """An amount as it stands in the document: plain digits, no trailing zeros."""
    return None if amount is None else format(amount.normalize() if amount else Decimal(0), "f")


_COUNTS = ("calls", "failed_calls", "input_tokens", "cached_input_tokens", "output_tokens")
_MONEY = ("cost_usd", "previous_cost_usd", "allocated_usd", "removed_usd")
_MORE_COUNTS = (*("unpriced_calls", "calls_without_usage", "allocated_calls", "duplicate_calls", "wrapper_calls"),)


def _totals(found: Sequence[Row]) -> dict[str, Any]:
    totals: dict[str, Any] = {key: sum(int(row[key]) for row in found) for key in (*_COUNTS, *_MORE_COUNTS)}
    for key in _MONEY:
        known = [row[key] for row in found if row[key] is not None]
        totals[key] = sum(known, Decimal(0)) if known else None
    return totals


def _rows(found: Sequence[Row], by: Dimension, total: Decimal | None, features: Mapping[str, Feature]) -> list[Row]:
    rows: list[Row] = []
    running = Decimal(0)
    for row in found:
        if not row["calls"]:
            continue
        cost: Decimal | None = row["cost_usd"]
        running += cost or 0
        extra: Row = {}
        if by is Dimension.FEATURE:
            extra = {
                "allocated_calls": int(row["allocated_calls"]),
                **_declared(features.get(row["name"], Feature())),
            }
        rows.append(
            {
                str(by): row["name"] or None,
                **extra,
                **{key: int(row[key]) for key in _COUNTS},
                "cost_usd": usd(cost),
                "cost_per_call_usd": _per_call(cost, int(row["calls"]) - int(row["unpriced_calls"])),
                "share": _share(cost, total),
                "cumulative_share": _share(running, total) if cost is not None else None,
                "previous_cost_usd": usd(row["previous_cost_usd"]),
                "trend": _trend(cost, row["previous_cost_usd"]),
                "unpriced_calls": int(row["unpriced_calls"]),
                "unpriced_units": usd(row["unpriced_units"]),
            }
        )
    return rows


def _per_call(cost: Decimal | None, calls: int) -> str | None:
    return None if cost is None or not calls else usd((cost / calls).quantize(Decimal("1e-9")))


def _share(part: Decimal | None, total: Decimal | None) -> float | None:
    return None if part is None or not total else float(round(part / total, 9))


def _trend(cost: Decimal | None, before: Decimal | None) -> float | None:
    return None if cost is None or not before else float(round(cost / before - 1, 4))


def _coverage(totals: Mapping[str, Any]) -> Coverage:
    calls = totals["calls"]

    def share(n: int) -> float | None:
        return round(n / calls, 6) if calls else None

    return Coverage(
        priced=share(calls - totals["unpriced_calls"]),
        reported_usage=share(calls - totals["calls_without_usage"]),
        allocated=share(totals["allocated_calls"]),
    )


def _unpriced(row: Row) -> Unpriced:
    return Unpriced(
        reason=row["reason"],
        provider=row["provider"],
        model=row["model"],
        meter=row["meter"] or None,
        calls=int(row["calls"]),
        quantity=usd(row["quantity"]) if row["meter"] else None,
    )
