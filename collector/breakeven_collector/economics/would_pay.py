"""What would make hosting pay: each alone, in the stricter test of row 7, API prices halving every year."""

from dataclasses import dataclass, replace
from typing import Final

from breakeven_collector.economics import breakeven, cash_flow
from breakeven_collector.economics.case import Case
from breakeven_collector.economics.options import at_decline

_STEPS: Final = 30


@dataclass(frozen=True)
class WouldPay:
    """The NPV with the API's price halving every year is 0 there (at δ for its own). The break-even is less: it holds
    the month's cost against today's price."""

    spend_usd_per_month: float | None
    fte: float | None
    """At most so many people."""
    price_decline_per_year: float | None
    """At most so fast may prices fall; 1 is at any pace."""


def would_pay(case: Case, today_usd: float) -> WouldPay:
    """At what spend, staff share and price path hosting would pay.

    Args:
        today_usd: today's bill, in whose dollars the spend is; the case's own may be a cheaper alternative's.
    """
    spend = breakeven.npv_spend(case, 0.5)
    in_today = None if spend is None else spend / case.api_usd_per_month * today_usd
    return WouldPay(in_today, _staff(at_decline(case, 0.5)), _decline(case))


def _staff(case: Case) -> float | None:
    """The NPV falls in a straight line with people; None where it is negative without any."""
    none = cash_flow.npv_usd(replace(case, hosting=replace(case.hosting, fte=0.0)))
    one = cash_flow.npv_usd(replace(case, hosting=replace(case.hosting, fte=1.0)))
    return none / (none - one) if none >= 0 and none > one else None


def _decline(case: Case) -> float | None:
    low, high = 0.0, 1.0
    if cash_flow.npv_usd(at_decline(case, low)) < 0:
        return None
    if cash_flow.npv_usd(at_decline(case, high)) >= 0:
        return high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if cash_flow.npv_usd(at_decline(case, middle)) >= 0 else (low, middle)
    return low
