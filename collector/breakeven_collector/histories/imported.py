"""What is imported from other tools: calls, our dollars beside theirs, and what spans reported too."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from breakeven_collector import seals
from breakeven_collector.histories.call import SERVICE
from breakeven_collector.projects import of_project
from breakeven_collector.report import usd
from breakeven_collector.store import Store


def build_imported(store: Store, *, project: str | None = None) -> dict[str, Any]:
    """Imported calls by source, provider and model.

    Returns:
        sources: a list with source, calls, counted_calls (in the bill), duplicate_calls (a span reported them too),
            late_calls, unpriced_calls (int), cost_usd (of all, by our prices), counted_usd (of those in the bill),
            their_cost_usd, difference_usd (ours less theirs, over compared_calls; decimal string or None),
            compared_calls (those of days and kinds of call for which both are known), without_their_cost (int),
            from, to (UTC days), models (a list of the same by provider and model).
        overlap: spans of the same provider on the same days: a list with source, provider, days, calls (int), cost_usd.

    Raises:
        StoreError: the store cannot be read.
    """
    rows = store.query_file("imported", {**of_project(project), "prefix": SERVICE})
    by_source: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_source[row["source"]].append(row)
    return {
        "sources": [
            {
                "source": source,
                **_sums(of_source),
                "models": [{"provider": r["provider"], "model": r["model"], **_sums([r])} for r in of_source],
            }
            for source, of_source in sorted(by_source.items())
        ],
        "overlap": _overlap(store, project) if rows else [],
    }


def limits(store: Store, *, ledger_days: int | None) -> dict[str, str | None]:
    """From when on calls can be taken: the same for all projects.

    Returns:
        sealed_before: minutes before this are sealed; kept_from: what is older is deleted from the ledger; None: there
            is no such limit.

    Raises:
        StoreError: the store cannot be read.
    """
    sealed = seals.read(store).announced
    kept = None if ledger_days is None else datetime.now(UTC) - timedelta(days=ledger_days)
    return {
        "sealed_before": sealed.isoformat() if sealed.timestamp() > 0 else None,
        "kept_from": kept and kept.replace(hour=0, minute=0, second=0, microsecond=0).isoformat(),
    }


def _sums(rows: list[dict[str, Any]]) -> dict[str, Any]:
    def total(name: str) -> Decimal | None:
        known = [row[name] for row in rows if row[name] is not None]
        return sum(known, Decimal(0)) if known else None

    return {
        **{
            name: sum(int(row[name]) for row in rows)
            for name in (
                "calls",
                "counted_calls",
                "duplicate_calls",
                "late_calls",
                "unpriced_calls",
                "without_their_cost",
                "compared_calls",
            )
        },
        "cost_usd": usd(total("cost_usd")),
        "counted_usd": usd(total("counted_usd")),
        "their_cost_usd": usd(total("their_cost_usd")),
        "difference_usd": usd(total("difference_usd")),
        "from": min(row["first_day"] for row in rows).isoformat()[:10],
        "to": max(row["last_day"] for row in rows).isoformat()[:10],
    }


def _overlap(store: Store, project: str | None) -> list[dict[str, Any]]:
    rows = store.query_file("imported_overlap", {**of_project(project), "prefix": SERVICE})
    imported = {(r["project"], r["at"], r["source"], r["provider"]) for r in rows if r["source"]}
    found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["source"]:
            continue
        for source in {
            source
            for of_project_, at, source, provider in imported
            # A tool that names no provider may mean any.
            if (of_project_, at) == (row["project"], row["at"]) and provider in ("", row["provider"])
        }:
            found[source, row["provider"]].append(row)
    return [
        {
            "source": source,
            "provider": provider,
            "days": len({row["at"] for row in spans}),
            "first_day": min(row["at"] for row in spans).replace(tzinfo=UTC).date().isoformat(),
            "calls": sum(int(row["calls"]) for row in spans),
            "cost_usd": usd(sum((row["cost_usd"] or Decimal(0) for row in spans), Decimal(0))),
        }
        for (source, provider), spans in sorted(found.items())
    ]
