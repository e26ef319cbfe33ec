"""All that a scenario comes to, as one document: the figures, and a reason for each that does not exist."""

import math
from dataclasses import asdict, replace
from typing import Any, Final

from breakeven_collector.economics import breakeven, cash_flow, hosting, montecarlo
from breakeven_collector.economics.case import Case, Market
from breakeven_collector.economics.hybrid import hybrid_usd_per_month
from breakeven_collector.economics.scenario import Scenario, Totals
from breakeven_collector.economics.tornado import tornado

STAFF_SHARES: Final = (0.25, 0.5, 1.0)
"""FTE over which the threshold is shown."""
_NO_SAVING: Final = "a month with the own model costs no less than one without"


def answer(given: Scenario | Totals) -> dict[str, Any]:
    """The document of `breakeven decide --scenario`. Dollars and months are floats; what does not exist is None."""
    return of_case(given.case) if isinstance(given, Scenario) else of_totals(given)


def of_case(case: Case) -> dict[str, Any]:
    """The document of a case that is known by its load."""
    drawn = montecarlo.chance(case)
    return {
        **figures(case),
        "npv_by_price_decline": by_decline(case),
        "breakeven_by_fte": by_staff(case),
        "npv_probability_positive": drawn.probability,
        "npv_simulation": drawn.document(),
        "tornado": tornado(case).document(),
    }


def figures(case: Case) -> dict[str, Any]:
    """The figures of the case as it is, without ranges and simulation."""
    project = case.project
    api, hosted = case.api_usd_per_month, hosting.hosting_usd_per_month(case)
    mixed = hybrid_usd_per_month(case)
    saving = api - mixed
    found = breakeven.find(case)
    reasons: dict[str, str] = {}
    if saving <= 0:
        reasons["payback_months"] = reasons["payback_from_start_months"] = _no_saving(case)
    if found.reason:
        reasons["breakeven_spend_usd_per_month"] = found.reason
    utilisation = hosting.mean_utilisation(case)
    if utilisation is None:
        reasons["mean_utilisation"] = "nothing is hosted: there is no load, or no share of it"
    return {
        "api_usd_per_month": api,
        "mean_busy_replicas": case.hybrid.cost_share * case.mean_busy,
        "peak_busy_replicas": hosting.peak_busy(case),
        "replicas": hosting.replicas(case),
        "hosting_usd_per_month": hosted,
        "hybrid_usd_per_month": mixed,
        "saving_usd_per_month": saving,
        "mean_utilisation": utilisation,
        "payback_months": cash_flow.payback_months(project.one_off_usd, saving),
        "payback_from_start_months": cash_flow.payback_from_start_months(
            project.one_off_usd, saving, project.build_months, project.shadow_months, hosted + project.judge_usd
        ),
        "npv_usd": cash_flow.npv_usd(case),
        "breakeven_spend_usd_per_month": found.spend_usd_per_month,
        "breakeven_calls_per_month": found.calls_per_month,
        "breakeven_replicas": found.replicas,
        "breakeven_at_min_replicas_usd_per_month": breakeven.one_stair_spend(case),
        "recrossings_usd_per_month": list(found.recrossings),
        "pays_between_usd_per_month": [[one.from_usd, one.until_usd] for one in found.pays],
        "existence": {**asdict(found.existence), "holds": found.existence.holds},
        "reason": "; ".join(dict.fromkeys(reasons.values())) or None,
        "reasons": reasons,
    }


def of_totals(totals: Totals) -> dict[str, Any]:
    """The document of a case that is known by its totals: no load, so neither replicas nor a break-even spend.

    The own model's cost is all in the total, so shadow months pay nothing beside the API (S = J = 0), and a price
    decline moves the API's total only.
    """
    saving = totals.current_usd_per_month - totals.future_usd_per_month
    unknown = "only the totals are known: without load and prices it cannot be computed"
    reasons: dict[str, str] = dict.fromkeys(
        (
            "mean_busy_replicas",
            "peak_busy_replicas",
            "replicas",
            "hosting_usd_per_month",
            "mean_utilisation",
            "breakeven_spend_usd_per_month",
        ),
        unknown,
    )
    if saving <= 0:
        reasons["payback_months"] = reasons["payback_from_start_months"] = _NO_SAVING
    npv = {decline: _totals_npv(totals, decline) for decline in cash_flow.DECLINES}
    return {
        "api_usd_per_month": totals.current_usd_per_month,
        **dict.fromkeys(("mean_busy_replicas", "peak_busy_replicas", "replicas", "hosting_usd_per_month")),
        "hybrid_usd_per_month": totals.future_usd_per_month,
        "saving_usd_per_month": saving,
        "mean_utilisation": None,
        "payback_months": cash_flow.payback_months(totals.one_off_usd, saving),
        "payback_from_start_months": cash_flow.payback_from_start_months(
            totals.one_off_usd, saving, totals.build_months, totals.shadow_months, 0.0
        ),
        "npv_usd": npv[0.0],
        "npv_by_price_decline": [{"decline_per_year": decline, "npv_usd": usd} for decline, usd in npv.items()],
        "breakeven_spend_usd_per_month": None,
        "reason": "; ".join(dict.fromkeys(reasons.values())),
        "reasons": reasons,
    }


def by_decline(case: Case) -> list[dict[str, Any]]:
    """NPV and payback from the start, along the cash flow, at each price decline."""
    rows: list[dict[str, Any]] = []
    for decline in cash_flow.DECLINES:
        flow = cash_flow.flow(replace(case, market=replace(case.market, api_price_decline_per_year=decline)))
        rows.append(
            {
                "decline_per_year": decline,
                "npv_usd": flow.npv(case.market.discount_rate),
                "payback_from_start_months": flow.payback_months(),
            }
        )
    return rows


def by_staff(case: Case) -> list[dict[str, Any]]:
    """The break-even and what the NPV at half the price a year needs, at several staff shares and at its own."""
    rows: list[dict[str, Any]] = []
    for fte in sorted({*STAFF_SHARES, case.hosting.fte}):
        at = replace(case, hosting=replace(case.hosting, fte=fte))
        found = breakeven.find(at)
        rows.append(
            {
                "fte": fte,
                "breakeven_at_min_replicas_usd_per_month": breakeven.one_stair_spend(at),
                "breakeven_spend_usd_per_month": found.spend_usd_per_month,
                "npv_at_half_price_usd_per_month": breakeven.npv_spend(at, 0.5),
            }
        )
    return rows


def _totals_npv(totals: Totals, decline: float) -> float:
    market = Market()
    live_from = totals.build_months + totals.shadow_months
    npv = 0.0 if totals.build_months else -totals.one_off_usd
    for month in range(1, math.ceil(market.horizon_months) + 1):
        building = cash_flow.part(month, 0, totals.build_months)
        live = cash_flow.part(month, live_from, market.horizon_months)
        api = totals.current_usd_per_month * (1 - decline) ** ((month - 1) / 12)
        cash = live * (api - totals.future_usd_per_month)
        if building:
            cash -= building * totals.one_off_usd / totals.build_months
        npv += cash / (1 + market.discount_rate) ** (month / 12)
    return npv


def _no_saving(case: Case) -> str:
    return "there is no bill to save on" if case.api_usd_per_month <= 0 else _NO_SAVING
