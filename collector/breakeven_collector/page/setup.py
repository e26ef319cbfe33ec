"""Set-up: how spans get here, and what is still missing for a whole bill."""

from decimal import Decimal
from typing import Any, Final

from breakeven_collector.errors import BreakevenError
from breakeven_collector.keys import KeyTable
from breakeven_collector.map_file import NewRule
from breakeven_collector.map_overview import cuts, overview
from breakeven_collector.origins import build_origins
from breakeven_collector.page.overview import read_report
from breakeven_collector.page.tables import Column, TableOf
from breakeven_collector.page.view import View
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.projects import of_project
from breakeven_collector.proposals import propose

_MOST_PROPOSALS: Final = 10


def build_setup(
    pipeline: Pipeline, view: View, address: str, *, keys_of: str | None, may_see_keys: bool
) -> dict[str, Any]:
    """What the template shows.

    Args:
        address: of this collector, as the reader reached it.
        keys_of: the project whose keys are listed; None: all.
        may_see_keys: an admin asks.

    Raises:
        StoreError: the store cannot be read.
    """
    report = read_report(pipeline, view)
    pulse = pipeline.store.query_file("page_pulse", of_project(view.project))[0]
    return {
        "report": report,
        "address": address,
        "has_calls": bool(pulse["calls"]),
        "unpriced": _unpriced(report),
        "unallocated": _unallocated(report),
        "proposals": _proposals(pipeline, view),
        "keys": _keys(pipeline, keys_of) if may_see_keys else None,
    }


def _unpriced(report: dict[str, Any]) -> TableOf:
    columns = (
        Column("reason", "Why there is no price"),
        Column("provider", "Provider"),
        Column("model", "Model"),
        Column("meter", "Meter", page=any(row["meter"] for row in report["unpriced"])),
        Column("calls", "Calls", "count"),
        Column("estimated_usd", "Estimated", "money"),
        Column("mend", "What to do", "sentence"),
    )
    rows = [{**row, "mend": _mend(row), "below": _mend(row)} for row in report["unpriced"]]
    return TableOf("unpriced", "Calls without all of their dollars", columns, rows, empty="Every call has its price.")


def _mend(row: dict[str, Any]) -> str:
    model, provider = row["model"] or "MODEL", row["provider"] or "PROVIDER"
    if row["reason"] == "model not in the price book":
        return f"breakeven prices set {model} --provider {provider} …, or a newer book: breakeven prices sync"
    if row["meter"] or row["reason"].startswith("no rate"):
        return f"give it a rate: breakeven prices set {model} --provider {provider} …"
    if row["reason"].startswith("lost"):
        return "nothing: the answer never came, and it is estimated"
    return "have the client report usage: see docs/attributes.md"


def _unallocated(report: dict[str, Any]) -> TableOf:
    columns = (
        Column("service", "Service"),
        Column("calls", "Calls", "count"),
        Column("cost_usd", "Known", "money"),
        Column("estimated_usd", "Estimated", "money"),
    )
    rows = [{**row, "service": row["service"] or "(no service told)"} for row in report["unallocated"]]
    return TableOf("unallocated", "Services whose calls no feature pays for", columns, rows, empty="None.")


def _proposals(pipeline: Pipeline, view: View) -> list[dict[str, Any]]:
    """Rules that would give the rest a feature, as `breakeven map` proposes them."""
    try:
        declared = pipeline.attribution.declared
        document = build_origins(
            pipeline.store, days=max(1, view.period.days), cuts=sorted(cuts(declared)), project=view.project
        )
    except BreakevenError:
        return []
    found = propose(overview(declared, document).open_now)
    return [
        {
            "feature": proposal.feature,
            "calls": proposal.sum.calls,
            "cost_usd": None if proposal.sum.cost_usd is None else str(proposal.sum.cost_usd),
            "toml": "\n\n".join(NewRule(proposal.feature, match).text().strip() for match in proposal.rules),
        }
        for proposal in found[:_MOST_PROPOSALS]
        if proposal.sum.calls and (proposal.sum.cost_usd or Decimal(0)) >= 0
    ]


def _keys(pipeline: Pipeline, project: str | None) -> TableOf:
    columns = (
        Column("key_id", "Id"),
        Column("scope", "Scope"),
        Column("project", "Project"),
        Column("note", "Note"),
        Column("created_at", "Made", "time"),
    )
    rows = [
        {**key, "project": key["project"] or "all", "note": key["note"] or ""}
        for key in KeyTable(pipeline.store, project).list()["keys"]
    ]
    empty = "No keys: this collector takes everything from its own machine, and nothing from elsewhere."
    return TableOf("keys", "Keys that hold", columns, rows, empty=empty)
