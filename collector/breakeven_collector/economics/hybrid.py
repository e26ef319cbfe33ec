"""K: what a month costs once a share of the bill goes to the own model."""

from breakeven_collector.economics.case import Case, Hybrid
from breakeven_collector.economics.hosting import hosting_usd_per_month


def share_kept(hybrid: Hybrid) -> float:
    """α·(1 − ε): the share of the API's bill that is no longer paid."""
    return hybrid.cost_share * (1 - hybrid.escalation_share)


def per_call_usd(hybrid: Hybrid) -> float:
    """r + α·max(0, Δe)·L a call; 0 where nothing is routed."""
    if not hybrid.cost_share:
        return 0.0
    return hybrid.router_usd_per_call + hybrid.cost_share * max(0.0, hybrid.extra_error_rate) * hybrid.usd_per_error


def hybrid_usd_per_month(case: Case, growth: float = 1.0, api_price: float = 1.0, count: int | None = None) -> float:
    """K = (1−α)·A + α·ε·A + S(α) + r·n + α·n·max(0,Δe)·L.

    Args:
        growth: Volume of the month against the first.
        api_price: Price of the month against the first.
        count: So many replicas, whatever the load.
    """
    api = case.api_usd_per_month * growth * api_price
    return (
        api * (1 - share_kept(case.hybrid))
        + hosting_usd_per_month(case, growth, count)
        + per_call_usd(case.hybrid) * case.calls_per_month * growth
    )


def unit_cost(cost_share: float, unit_cost: float, escalation_share: float = 0.0) -> float:
    """(1−α) + α·(c + ε): a unit of today's bill where the own model costs a share c of it. α=.7, c=.1 → 0.37."""
    return (1 - cost_share) + cost_share * (unit_cost + escalation_share)


def share_for(target: float, unit_cost: float, escalation_share: float = 0.0) -> float | None:
    """The α at which the unit costs `target`; None where no share from 0 to 1 does it."""
    saved = 1 - unit_cost - escalation_share
    share = (1 - target) / saved if saved > 0 else -1.0
    return share if 0 <= share <= 1 else None
