"""Writes rows of origins and of the ledger's cubes as views and passes would leave them."""

import itertools
from datetime import UTC, date, datetime
from decimal import Decimal

from breakeven_collector.store import Store

_passes = itertools.count(1)


def at(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)


def origin(store: Store, number: int, *, project: str = "p", **columns: str) -> None:
    """A row of origins."""
    store.insert("origins", ["project", "origin_id", *columns], [(project, number, *columns.values())])


def cube(
    store: Store,
    day: date,
    cost: str | None,
    *,
    project: str = "p",
    feature: str = "",
    source: str = "",
    origin_id: int = 0,
    environment: str = "",
    calls: int = 1,
) -> None:
    """A row of the ledger at two grains; a cost of None is not known."""
    columns = ["grain", "project", "at", "priced_at", "environment", "feature", "feature_source", "origin_id"]
    basis = "unknown" if cost is None else "reported"
    # The table remembers blocks: one that equals an earlier one would be taken for it, sent again.
    number = next(_passes)
    store.insert(
        "spend_cubes",
        [*columns, "basis", "counted", "calls", "reported_cost_usd", "pass"],
        [
            (
                *(grain, project, at(day), at(day), where, feature, source, origin_id),
                *(basis, "yes", calls, Decimal(cost or 0), number),
            )
            for grain, where in (("day", environment), ("tenant_day", ""))
        ],
    )
