"""What the report says of the providers' accounts, where some were imported for its period."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from breakeven_collector.billed_report import is_billed
from breakeven_collector.catalog import Catalog
from breakeven_collector.declarations import Declarations
from breakeven_collector.period import Period
from breakeven_collector.store import Store
from breakeven_collector.tieout import TieOutBy, build_tieout
from breakeven_collector.tieout_rows import Part

_LARGEST: Final = 3
BilledSummary = dict[str, Any]
"""totals and parts as in the tie-out of the same UTC days, unseen_usd (decimal string), unseen (its largest findings:
provider, project, key, usd, seen_share, estimated), more_unseen (how many others), open_days, estimated,
unknown_amounts."""


def billed_summary(
    store: Store,
    tools: Callable[[], tuple[Catalog, Declarations]],
    *,
    period: Period,
    project: str | None,
) -> BilledSummary | None:
    """Billed beside seen for a report; None, after one cheap question, where no account was imported for its days.

    Args:
        store: an open store.
        tools: gives the store's catalog and the declarations that count; called only if there is a bill.
        period: that of the report.
        project: whose; None: of all projects.

    Raises:
        StoreError: the store cannot be read.
    """
    if not is_billed(store, period, project):
        return None
    catalog, declared = tools()
    document = build_tieout(store, catalog, declared, period=period, by=TieOutBy.KEY, project=project)
    if not document["imported"]:
        return None
    unseen = [one for one in document["findings"] if one["part"] == Part.UNSEEN]
    return {
        "totals": document["totals"],
        "parts": document["parts"],
        "unseen_usd": document["parts"][Part.UNSEEN],
        "unseen": [
            {name: one[name] for name in ("provider", "project", "key", "usd", "seen_share", "estimated")}
            for one in unseen[:_LARGEST]
            if Decimal(one["usd"]) > 0
        ],
        "more_unseen": max(len(unseen) - _LARGEST, 0),
        **{name: document[name] for name in ("open_days", "estimated", "unknown_amounts")},
    }
