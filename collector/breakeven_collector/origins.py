"""Where calls without a declared feature come from, and what they cost: what `breakeven map` works on."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from breakeven_collector.billed_keys import billed_keys
from breakeven_collector.map_rules import FIELDS
from breakeven_collector.period import utc_seconds
from breakeven_collector.projects import of_project
from breakeven_collector.report import usd
from breakeven_collector.store import Store

OriginsDocument = dict[str, Any]
"""period (from, to: UTC days, to exclusive) and stretches, each with from, to and origins, dearest first. An origin has
origin_id (text), the columns of the table origins (empty text: not told), inferred (a name that the collector took
from workflow or agent, empty where none), calls (int), cost_usd (decimal string, None where not known), unpriced_calls
(int), first_seen, last_seen. And billed: the keys of the providers' accounts, see billed_keys."""


def build_origins(
    store: Store,
    *,
    days: int = 30,
    cuts: Iterable[date] = (),
    now: datetime | None = None,
    project: str | None = None,
) -> OriginsDocument:
    """The origins of the last `days` UTC days, today included, by stretches of time.

    Args:
        store: an open store.
        days: length of the period, from 1.
        cuts: days within the period on which a new stretch begins; others do nothing.
        now: the present where left out.
        project: whose; None: of all projects.

    Raises:
        StoreError: the store cannot be read.
    """
    end = (now or datetime.now(UTC)).astimezone(UTC).date() + timedelta(days=1)
    start = end - timedelta(days=days)
    edges = [start, *sorted({cut for cut in cuts if start < cut < end}), end]
    return {
        "period": {"from": start.isoformat(), "to": end.isoformat(), "days": days},
        "stretches": [
            {
                "from": one.isoformat(),
                "to": other.isoformat(),
                "origins": [
                    _origin(row)
                    for row in store.query_file(
                        "origins", {**of_project(project), "from": utc_seconds(one), "to": utc_seconds(other)}
                    )
                ],
            }
            for one, other in pairwise(edges)
        ],
        "billed": billed_keys(store, first=start, last=end - timedelta(days=1), project=project),
    }


def _origin(row: dict[str, Any]) -> dict[str, Any]:
    return {
        # As text: JSON's readers keep only 53 bits of a number.
        "origin_id": str(row["origin_id"]),
        **{column: row[column] for column in FIELDS.values()},
        "inferred": row["inferred"],
        "calls": int(row["calls"]),
        "cost_usd": usd(row["cost_usd"]),
        "unpriced_calls": int(row["unpriced_calls"]),
        "first_seen": row["first_seen"].replace(tzinfo=UTC).isoformat(),
        "last_seen": row["last_seen"].replace(tzinfo=UTC).isoformat(),
    }
