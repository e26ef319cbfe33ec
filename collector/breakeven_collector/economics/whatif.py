"""What a share to a small model would come to, and how a share of calls differs from a share of cost."""

from dataclasses import dataclass

from breakeven_collector.economics.hybrid import unit_cost


@dataclass(frozen=True)
class WhatIf:
    """Today's bill with a share routed elsewhere."""

    cost_share: float
    share_of_today: float
    """(1−α) + α·(c + ε)."""
    usd_per_month: float | None
    saves_usd_per_month: float | None
    note: str


def what_if(
    cost_share: float,
    unit: float,
    escalation_share: float = 0.0,
    usd_per_month: float | None = None,
    note: str = "a share of cost",
) -> WhatIf:
    """Route a share of the *cost* to a model that asks `unit` of today's price; escalations pay twice."""
    left = unit_cost(cost_share, unit, escalation_share)
    bill = usd_per_month
    return WhatIf(
        cost_share, left, None if bill is None else bill * left, None if bill is None else bill * (1 - left), note
    )


def cost_share_of_calls(call_share: float, relative_usd_per_call: float) -> float:
    """A share of calls as the share of cost that it is.

    Args:
        call_share: Of the calls, what would be routed.
        relative_usd_per_call: What such a call costs against the other calls: easy calls are short, say 0.5.
    """
    routed = call_share * relative_usd_per_call
    return routed / (routed + 1 - call_share) if routed else 0.0
