"""The bill: computed in SQL from `spend`, put into one document that API, command line and page share."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Any, Final

from breakeven_schema.query import priced

from breakeven_collector.catalog import Catalog
from breakeven_collector.errors import BadRequest
from breakeven_collector.features import Feature
from breakeven_collector.period import Period, last_days, window
from breakeven_collector.projects import of_project
from breakeven_collector.report_document import (
    Coverage,
    GatewayCache,
    Late,
    Lost,
    Removed,
    Report,
    Retries,
    Row,
    Unpriced,
)
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
    ENVIRONMENT = "environment"
    OWNER = "owner"
    COST_CENTRE = "cost_centre"
    COST_CLASS = "cost_class"
    DAY = "day"
    MONTH = "month"

    @property
    def plural(self) -> str:
        """Key of the rows in the document."""
        return {"cost_class": "cost_classes"}.get(self, f"{self}s")

    @property
    def is_time(self) -> bool:
        """Whether its rows stand in order of time, and have no period before."""
        return self in (Dimension.DAY, Dimension.MONTH)


_UNALLOCATED_SERVICES: Final = 5

FILTERS: Final = ("environment", "provider", "model", "service")
"""What calls can be filtered by."""

# Only these have grains of their own; everything else stands in the common ones.
_GRAINS: Final[Mapping[Dimension, str]] = {Dimension.TENANT: "tenant_day", Dimension.USER: "user_day"}
_COLUMNS: Final[Mapping[Dimension, str]] = {Dimension.USER: "user_id"}


def build_report(
    store: Store,
    *,
    days: int = 30,
    by: Dimension = Dimension.FEATURE,
    features: Mapping[str, Feature] | None = None,
    now: datetime | None = None,
    project: str | None = None,
    period: Period | None = None,
    book: str | None = None,
    config_error: str | None = None,
    only: Mapping[str, str] | None = None,
) -> Report:
    """The bill of a period against the one before.

    Args:
        store: an open store.
        days: the last so many days in UTC, today included; from 1. Ignored where a period is given.
        by: the dimension.
        features: what is declared about features.
        now: end of the period; the present where left out.
        project: whose bill; None: of all projects together.
        period: the period.
        book: version of another price book, to price the same calls with beside the active one.
        config_error: why `breakeven.toml` as it stands does not count, for the document.
        only: of FILTERS, what calls must have; empty: any. Not by tenant or user, whose sums know neither.

    Raises:
        StoreError: the store cannot be read.
        BadRequest: there is no such book, or it cannot be filtered.
    """
    period = period or last_days(days, (now or datetime.now(UTC)).astimezone(UTC))
    people = by in _GRAINS
    asked: dict[str, Any] = {
        **of_project(project),
        **_of_filters(only or {}, by),
        **window(
            period,
            whole=_GRAINS.get(by, "day"),
            parts="minute" if people else "quarter_hour",
            by_time=by.is_time,
        ),
        "dimension": _COLUMNS.get(by, str(by)),
        "person": _COLUMNS.get(by, str(by)) if people else "",
        "bucket": str(by) if by.is_time else "",
        "book": "",
        "rest": not people,
    }
    rows = store.rows(priced_for(store, "report", minutes=people), asked)
    found = _part(rows, "name")
    summed = found
    if people:
        # What all have in common is told from the common grains: those of tenants and users know no service.
        common = {**asked, **window(period, whole="day", parts="quarter_hour")}
        rows = store.rows(
            priced_for(store, "report", minutes=False), {**common, "dimension": "project", "person": "", "rest": True}
        )
        summed = _part(rows, "name")
    if by.is_time:
        found.sort(key=lambda row: row["name"])
    totals = _totals(summed)
    lost = store.query_file("lost", asked)[0]
    report: Report = {
        "period": {
            "from": period.start.isoformat(),
            "to": period.end.isoformat(),
            "days": period.days,
            "timezone": period.timezone,
        },
        "by": str(by),
        "price_book": active_book(store),
        "config_error": config_error,
        by.plural: _rows(found, by, spent(totals), features or {}),
        "totals": {
            **{key: totals[key] for key in _COUNTS},
            "cost_usd": usd(totals["cost_usd"]),
            "estimated_usd": usd(totals["estimated_usd"]),
            "estimated_calls": totals["estimated_calls"],
            "reported_usd": usd(totals["reported_usd"]),
            "allocated_usd": usd(totals["allocated_usd"]),
            "mapped_usd": usd(totals["mapped_usd"]),
            "previous_cost_usd": usd(totals["previous_cost_usd"]),
            "trend": _trend(totals["cost_usd"], totals["previous_cost_usd"]),
            "unpriced_calls": totals["unpriced_calls"],
        },
        "coverage": _coverage(totals),
        "unpriced": [_unpriced(row) for row in sorted(_part(rows, "unpriced"), key=_most_first)],
        "unallocated": [
            {
                "service": row["name"] or None,
                "calls": _whole(row["calls"]),
                "cost_usd": usd(row["cost_usd"]),
                "estimated_usd": usd(row["estimated_usd"]),
            }
            for row in sorted(_part(rows, "unallocated"), key=_dearest_first)[:_UNALLOCATED_SERVICES]
        ],
        "retries": Retries(calls=totals["retry_calls"], cost_usd=usd(totals["retry_usd"]), resends=totals["resends"]),
        "gateway_cache": GatewayCache(calls=totals["gateway_cache_calls"], avoided_usd=usd(totals["avoided_usd"])),
        "late": Late(calls=totals["late_calls"], cost_usd=usd(totals["late_usd"])),
        "removed": Removed(
            duplicate_calls=totals["duplicate_calls"],
            wrapper_calls=totals["wrapper_calls"],
            cost_usd=usd(totals["removed_usd"] or Decimal(0)),
            rows=_removed_rows(found, by),
        ),
        "lost": Lost(spans=int(lost["lost"] or 0), numbered=int(lost["numbered"] or 0)),
    }
    if book:
        _add_other_book(report, by, book, store, asked)
    return report


def priced_for(store: Store, name: str, *, minutes: bool) -> str:
    """`queries/<name>.sql` over rows of its own (`breakeven_schema.query.priced`), without what this store has not.

    Raises:
        StoreError: the store cannot be read.
    """
    return priced(name, contracts=has_contracts(store), minutes=minutes)


def has_contracts(store: Store) -> bool:
    """Whether there are own prices, which a statement must join with.

    Raises:
        StoreError: the store cannot be read.
    """
    return bool(store.rows("SELECT count() AS n FROM price_override")[0]["n"])


def _of_filters(only: Mapping[str, str], by: Dimension) -> dict[str, str]:
    """Parameters `only_…` of the report's query.

    Raises:
        BadRequest: 422: by tenant or user nothing can be filtered.
    """
    if by in _GRAINS and (named := [name for name in FILTERS if only.get(name)]):
        raise BadRequest(422, f"by {by} the bill cannot be filtered by {', '.join(named)}: leave it out")
    return {f"only_{name}": only.get(name, "") for name in FILTERS}


def _add_other_book(report: Report, by: Dimension, book: str, store: Store, asked: Mapping[str, Any]) -> None:
    known = [row["v"] for row in store.rows("SELECT book_version AS v FROM price_books FINAL ORDER BY loaded_at DESC")]
    if book not in known:
        raise BadRequest(422, f"book {book!r} is not in the store; it has {', '.join(known) or 'none'}")
    # Names that came since that book was active are not looked up in it yet.
    Catalog(store).prepare(book)
    asked = {**asked, "book": book, "rest": False}
    found = store.rows(priced_for(store, "report", minutes=by in _GRAINS), asked)
    costs = {row["name"] or None: row["cost_usd"] for row in found}
    for row in report[by.plural]:
        row["other_cost_usd"] = usd(costs.get(row[str(by)]))
    report["other_book"] = {
        "version": book,
        "cost_usd": usd(_totals(found)["cost_usd"]),
        # Its edges of size or time of day are not those that the ledger is cut along: priced at the ledger's own.
        "approximated": [f"{row['provider']}/{row['model']}" for row in store.query_file("approximated_names", asked)],
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


def active_book(store: Store) -> str | None:
    """Version of the price book that counts; None: none is loaded."""
    return store.rows("SELECT argMax(book_version, loaded_at) AS v FROM price_books")[0]["v"] or None


def usd(amount: Decimal | None) -> str | None:
    """An amount as it stands in the document: plain digits, no trailing zeros."""
    return None if amount is None else format(amount.normalize() if amount else Decimal(0), "f")


_COUNTS = ("calls", "failed_calls", "input_tokens", "cached_input_tokens", "output_tokens")
_MONEY = (
    *("cost_usd", "estimated_usd", "previous_cost_usd", "allocated_usd", "mapped_usd", "reported_usd", "retry_usd"),
    *("avoided_usd", "removed_usd", "late_usd"),
)
_MORE_COUNTS = (
    *("unpriced_calls", "calls_without_usage", "estimated_calls", "allocated_calls", "mapped_calls", "reported_calls"),
    *("duplicate_calls", "wrapper_calls", "retry_calls", "resends", "gateway_cache_calls", "late_calls"),
)


def _part(rows: Sequence[Row], part: str) -> list[Row]:
    return [row for row in rows if row["part"] == part]


def _most_first(row: Row) -> tuple[Decimal, Decimal, str, str, str]:
    return -row["calls"], -row["quantity"], row["named_provider"], row["named_model"], row["named_meter"]


def _dearest_first(row: Row) -> tuple[Decimal, Decimal, str]:
    return -(spent(row) or Decimal(0)), -row["calls"], row["name"]


def _totals(found: Sequence[Row]) -> dict[str, Any]:
    totals: dict[str, Any] = {key: _whole(sum(row[key] for row in found)) for key in (*_COUNTS, *_MORE_COUNTS)}
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
        cost, both = row["cost_usd"], spent(row)
        before = None if by.is_time else row["previous_cost_usd"]
        running += both or 0
        extra: Row = {}
        if by is Dimension.FEATURE:
            extra = {
                "allocated_calls": _whole(row["allocated_calls"]),
                **_declared(features.get(row["name"], Feature())),
            }
        rows.append(
            {
                str(by): row["name"] or None,
                **extra,
                **{key: _whole(row[key]) for key in _COUNTS},
                "cost_usd": usd(cost),
                "estimated_usd": usd(row["estimated_usd"]),
                "cost_per_call_usd": _per_call(cost, _whole(row["calls"]) - _whole(row["unpriced_calls"])),
                "share": _share(both, total),
                "cumulative_share": _share(running, total) if both is not None else None,
                "previous_cost_usd": usd(before),
                "trend": _trend(cost, before),
                "unpriced_calls": _whole(row["unpriced_calls"]),
                "unpriced_units": usd(row["unpriced_units"]),
            }
        )
    return rows


def _whole(count: Decimal | int) -> int:
    """A count for people: shares of a split feature are decimals."""
    return int(Decimal(count).to_integral_value(ROUND_HALF_EVEN))


def _removed_rows(found: Sequence[Row], by: Dimension) -> list[dict[str, Any]]:
    return [
        {
            str(by): row["name"] or None,
            "duplicate_calls": _whole(row["duplicate_calls"]),
            "wrapper_calls": _whole(row["wrapper_calls"]),
            "cost_usd": usd(row["removed_usd"]),
        }
        for row in found
        if row["duplicate_calls"] or row["wrapper_calls"]
    ]


def spent(row: Mapping[str, Any]) -> Decimal | None:
    """Known and estimated dollars together, None where neither is there."""
    parts = [row[key] for key in ("cost_usd", "estimated_usd") if row[key] is not None]
    return sum(parts, Decimal(0)) if parts else None


def _per_call(cost: Decimal | None, calls: int) -> str | None:
    return None if cost is None or not calls else usd((cost / calls).quantize(Decimal("1e-9")))


def _share(part: Decimal | None, total: Decimal | None) -> float | None:
    return None if part is None or not total else float(round(part / total, 9))


def _trend(cost: Decimal | None, before: Decimal | None) -> float | None:
    return None if cost is None or not before else float(round(cost / before - 1, 4))


def _coverage(totals: Mapping[str, Any]) -> Coverage:
    calls, cost = totals["calls"], totals["cost_usd"]

    def of_calls(n: int) -> float | None:
        return round(n / calls, 6) if calls else None

    return Coverage(
        priced=of_calls(calls - totals["unpriced_calls"]),
        reported_usage=of_calls(calls - totals["calls_without_usage"]),
        allocated=of_calls(totals["allocated_calls"]),
        allocated_usd=_share(totals["allocated_usd"] or Decimal(0), cost),
        reported_usd=_share(totals["reported_usd"] or Decimal(0), cost),
        estimated_usd=_share(totals["estimated_usd"] or Decimal(0), spent(totals)),
    )


def _unpriced(row: Row) -> Unpriced:
    return Unpriced(
        reason=row["name"],
        provider=row["named_provider"],
        model=row["named_model"],
        meter=row["named_meter"] or None,
        calls=_whole(row["calls"]),
        quantity=usd(row["quantity"]) if row["named_meter"] else None,
        estimated_usd=usd(row["estimated_usd"]),
    )
