"""Payback and net present value: what is spent and saved, month by month."""

import math
from dataclasses import dataclass
from typing import Final

from breakeven_collector.economics.case import Case
from breakeven_collector.economics.hosting import hosting_usd_per_month
from breakeven_collector.economics.hybrid import hybrid_usd_per_month, per_call_usd, share_kept

DECLINES: Final = (0.0, 0.3, 0.5, 0.9)
"""δ: what the same quality gets cheaper a year. Same model: about 0; once one switches: Epoch, a16z."""


@dataclass(frozen=True)
class Flow:
    """Net cash, USD: once at the start, then at the end of each month."""

    at_start: float
    months: tuple[float, ...]

    def npv(self, discount_rate: float) -> float:
        """Σ CF_t / (1+ρ)^{t/12}."""
        return self.at_start + sum(
            cash / (1 + discount_rate) ** (month / 12) for month, cash in enumerate(self.months, 1)
        )

    def payback_months(self) -> float | None:
        """From the start, straight within a month: when the undiscounted sum comes to 0 to stay; None: not in here."""
        totals = [self.at_start]
        for cash in self.months:
            totals.append(totals[-1] + cash)
        if totals[-1] < 0:
            return None
        month = next((i for i in range(len(totals) - 1, -1, -1) if totals[i] < 0), None)
        return 0.0 if month is None else month - totals[month] / self.months[month]


def flow(case: Case) -> Flow:
    """CF = −I/T_b a month of build, −(S+J) of shadow, A_t − K_t live, a saving only
    once a commitment has burned down; a month that is partly each, or partly beyond
    the horizon, counts pro rata and is discounted as a whole one.

    A_t = A·(1+g)^{t−1}·(1−δ)^{(t−1)/12}, N_t from α·b*·(1+g)^{t−1}. Without build months I is paid at the start.
    """
    project, market = case.project, case.market
    live_from = project.build_months + project.shadow_months
    months: list[float] = []
    end = market.horizon_months
    kept, per_call = share_kept(case.hybrid), per_call_usd(case.hybrid) * case.calls_per_month
    for month in range(1, math.ceil(end) + 1):
        growth = (1 + market.growth_per_month) ** (month - 1)
        price = (1 - market.api_price_decline_per_year) ** ((month - 1) / 12)
        if live_from <= month - 1 and month <= end:
            building, shadowing, live = 0.0, 0.0, 1.0
        else:
            building = part(month, 0, min(end, project.build_months))
            shadowing = part(month, project.build_months, min(end, live_from))
            live = part(month, live_from, end)
        cash = -building * project.one_off_usd / project.build_months if building else 0.0
        hosted = hosting_usd_per_month(case, growth) if shadowing or live else 0.0
        cash -= shadowing * (hosted + project.judge_usd)
        if live:
            # A − K with K written out: what is no longer paid to the API, less hosting, routing and errors.
            saved = kept * case.api_usd_per_month * growth * price - hosted - per_call * growth
            bound = saved > 0 and case.committed_months > month - 1
            cash += (part(month, max(live_from, case.committed_months), end) if bound else live) * saved
        months.append(cash)
    return Flow(0.0 if project.build_months else -project.one_off_usd, tuple(months))


def npv_usd(case: Case) -> float:
    """NPV over the horizon."""
    return flow(case).npv(case.market.discount_rate)


def npv_of_buying(case: Case, usd_per_month: float) -> float:
    """NPV of paying `usd_per_month` instead of A from the first month on, both moving with volume and price."""
    market = case.market
    total = 0.0
    for month in range(1, math.ceil(market.horizon_months) + 1):
        growth = (1 + market.growth_per_month) ** (month - 1)
        price = (1 - market.api_price_decline_per_year) ** ((month - 1) / 12)
        saved = (case.api_usd_per_month - usd_per_month) * growth * price
        live = part(month, 0 if saved < 0 else case.committed_months, market.horizon_months)
        total += live * saved / (1 + market.discount_rate) ** (month / 12)
    return total


def payback_of(case: Case) -> float | None:
    """Payback from the start of the case as it is; months in which a commitment burns down come on top."""
    project = case.project
    months = payback_from_start_months(
        project.one_off_usd,
        case.api_usd_per_month - hybrid_usd_per_month(case),
        project.build_months,
        project.shadow_months,
        hosting_usd_per_month(case) + project.judge_usd,
    )
    if months is None:
        return None
    return months + max(0.0, case.committed_months - project.build_months - project.shadow_months)


def payback_months(one_off_usd: float, saving_usd: float) -> float | None:
    """I / (A − K); None where nothing is saved."""
    return one_off_usd / saving_usd if saving_usd > 0 else None


def payback_from_start_months(
    one_off_usd: float, saving_usd: float, build_months: float, shadow_months: float, shadow_usd: float
) -> float | None:
    """T_b + T_s + [I + T_s·(S+J)] / (A − K); None where nothing is saved.

    Args:
        shadow_usd: S + J, a month.
    """
    if saving_usd <= 0:
        return None
    return build_months + shadow_months + (one_off_usd + shadow_months * shadow_usd) / saving_usd


def part(month: int, start: float, end: float) -> float:
    """How much of a month lies between two times that are counted in months."""
    return max(0.0, min(month, end) - max(month - 1, start))
