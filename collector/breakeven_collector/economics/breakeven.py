"""The spend from which hosting costs no more than the API, the project paid off over its months; or that there is none.

With the mix of tokens and prices fixed, a larger bill means more volume, and more volume means more replicas, one at a
time: what is saved rises in a straight line and falls by a replica at each stair. So stairs are walked, not guessed.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

from breakeven_collector.economics.case import HOURS_PER_MONTH, Case
from breakeven_collector.economics.cash_flow import npv_usd
from breakeven_collector.economics.hosting import fixed_usd_per_month, peak_busy, replicas
from breakeven_collector.economics.hybrid import hybrid_usd_per_month, per_call_usd, share_kept

_MOST_SHOWN: Final = 50
_TINY: Final = 1e-9


@dataclass(frozen=True)
class Interval:
    """A range of monthly spend in which hosting pays."""

    from_usd: float
    until_usd: float | None
    """Above it another replica makes it dearer again; None: it pays from here on."""


@dataclass(frozen=True)
class Existence:
    """Whether more volume ever helps: what a unit of volume saves against the replicas it needs."""

    saved_usd_per_month: float
    """α(1−ε)·A − r·n − α·n·Δe·L at today's volume."""
    needed_usd_per_month: float
    """730·γ·k·(1+o)·α·b̄·PMR·β / U*: GPUs for just that, without rounding."""

    @property
    def holds(self) -> bool:
        """Whether there is a volume from which hosting pays for good."""
        return self.saved_usd_per_month > self.needed_usd_per_month


@dataclass(frozen=True)
class Breakeven:
    """Where hosting begins to pay."""

    spend_usd_per_month: float | None
    calls_per_month: float | None
    replicas: int | None
    existence: Existence
    pays: tuple[Interval, ...] = ()
    """Every range, the first being the break-even; at most 50, then the one without end."""
    reason: str | None = None

    @property
    def recrossings(self) -> tuple[float, ...]:
        """Spend at which hosting stops paying, and at which it pays again, in order."""
        edges: list[float] = []
        for before, after in zip(self.pays, self.pays[1:], strict=False):
            edges += [before.until_usd or after.from_usd, after.from_usd]
        return tuple(edges)


def net_usd_per_month(case: Case) -> float:
    """A − K − I/T_am in the first month."""
    paid_off = case.project.one_off_usd / case.project.amortise_months
    return case.api_usd_per_month - hybrid_usd_per_month(case) - paid_off


def one_stair_spend(case: Case, count: int | None = None) -> float | None:
    """A* = [S + I/T_am] / [α(1−ε)] with so many replicas, R_min where left out; None where nothing is saved.

    It holds as long as so many replicas carry that spend, which `find` looks after.
    """
    per_usd = _saved_per_usd(case)
    if per_usd <= 0:
        return None
    count = case.hosting.min_replicas if count is None else count
    return (count * _replica_usd(case) + _standing_usd(case)) / per_usd


def existence(case: Case) -> Existence:
    """The condition under which there is a break-even at all."""
    reserved = HOURS_PER_MONTH * case.hosting.gpu_usd_per_hour * case.hosting.gpus_per_replica
    peak = case.hybrid.cost_share * case.mean_busy if case.serverless else peak_busy(case)
    at_peak = 1.0 if case.serverless else case.hosting.utilisation_at_peak
    needed = reserved * (1 + case.hosting.overhead_share) * peak / at_peak
    return Existence(_saved_per_usd(case) * case.api_usd_per_month, needed)


def find(case: Case) -> Breakeven:
    """The first spend at which A − K − I/T_am is not negative, every re-crossing, or why there is none."""
    condition = existence(case)
    if case.api_usd_per_month <= 0:
        return Breakeven(None, None, None, condition, reason="there is no bill to save on")
    if case.hybrid.cost_share <= 0:
        return Breakeven(None, None, None, condition, reason="no share of the bill would be hosted")
    per_usd = _saved_per_usd(case)
    if per_usd <= 0:
        why = "escalations, routing and errors cost at least what hosting saves"
        return Breakeven(None, None, None, condition, reason=f"never: {why}")
    if case.serverless or peak_busy(case) <= 0:
        return _without_stairs(case, condition)
    if case.autoscaled_usd_per_hour is not None and case.hourly_busy:
        return _scan(case, condition)
    pays = _stairs(case, per_usd, condition)
    if not pays:
        why = (
            f"never: at any volume the GPUs for the peak cost more than they save "
            f"(${condition.needed_usd_per_month:,.0f} against ${condition.saved_usd_per_month:,.0f} a month "
            "at today's volume, before people, overhead and idle replicas)"
        )
        return Breakeven(None, None, None, condition, reason=why)
    spend = pays[0].from_usd
    factor = spend / case.api_usd_per_month
    stair = max(1, math.ceil(spend / _stair_usd(case) - _TINY))
    count = max(case.hosting.min_replicas, stair + case.hosting.spare_replicas)
    return Breakeven(spend, case.calls_per_month * factor, count, condition, pays)


def _stairs(case: Case, per_usd: float, condition: Existence) -> tuple[Interval, ...]:
    """Stair j has spend up to j·w; hosting pays on it from what its replicas cost, where that lies on it.

    The first stairs share the least number of replicas and count as one. From there the end of a stair gains on its
    cost by the same each time (the condition holds), or loses.
    """
    width, replica, standing = _stair_usd(case), _replica_usd(case), _standing_usd(case)
    spare = case.hosting.spare_replicas
    first = max(1, case.hosting.min_replicas - spare)

    def needed(stair: int) -> float:
        return (max(case.hosting.min_replicas, stair + spare) * replica + standing) / per_usd

    stair, short = first, needed(first) - first * width
    if short > 0:
        gain = width - replica / per_usd
        if not condition.holds or gain <= 0:
            return ()
        stair += math.ceil(short / gain - _TINY)
    pays: list[Interval] = []
    begins = needed(stair)
    if stair > first:
        begins = max(begins, (stair - 1) * width)
    while len(pays) < _MOST_SHOWN:
        end, after = stair * width, needed(stair + 1)
        if after > end:
            # The next replica costs more than this spend saves: it stops paying here.
            pays.append(Interval(begins, end))
            if after > end + width:
                break
            begins = after
        elif condition.holds:
            pays.append(Interval(begins, None))
            break
        stair += 1
    return tuple(pays)


def _scan(case: Case, condition: Existence) -> Breakeven:
    """Where replicas follow the hour there are no stairs to walk: volumes in steps of 1 %, then bisection."""
    if not condition.holds and net_usd_per_month(case.scaled(1e4)) < 0:
        return Breakeven(None, None, None, condition, reason="never: at any volume the GPUs cost more than they save")
    pays: list[Interval] = []
    low, begins = 1e-3, None
    while low < 1e4:
        high = low * 1.01
        before, after = (net_usd_per_month(case.scaled(factor)) >= 0 for factor in (low, high))
        if before != after:
            spend = _crossing(case, low, high, after) * case.api_usd_per_month
            if after:
                begins = spend
            else:
                pays.append(Interval(begins or 0.0, spend))
                begins = None
        low = high
    if begins is not None:
        pays.append(Interval(begins, None))
    if not pays:
        return Breakeven(None, None, None, condition, reason="never up to 10,000 times today's volume")
    factor = pays[0].from_usd / case.api_usd_per_month
    count = replicas(case.scaled(factor))
    return Breakeven(pays[0].from_usd, case.calls_per_month * factor, count, condition, tuple(pays[:_MOST_SHOWN]))


def _crossing(case: Case, low: float, high: float, rising: bool) -> float:
    for _ in range(50):
        middle = (low + high) / 2
        if (net_usd_per_month(case.scaled(middle)) >= 0) == rising:
            high = middle
        else:
            low = middle
    return high


def _without_stairs(case: Case, condition: Existence) -> Breakeven:
    """Serverless: GPU time goes with the volume, so the line crosses once."""
    margin = condition.saved_usd_per_month - condition.needed_usd_per_month
    if margin <= 0:
        why = "never: a call costs more GPU time than it saves"
        return Breakeven(None, None, None, condition, reason=why)
    starts = case.cold_start_hours_per_month * case.hosting.gpus_per_replica * case.hosting.gpu_usd_per_hour
    standing = _standing_usd(case) + (starts * (1 + case.hosting.overhead_share) if case.serverless else 0.0)
    factor = standing / margin
    spend = case.api_usd_per_month * factor
    return Breakeven(spend, case.calls_per_month * factor, 0, condition, (Interval(spend, None),))


def _saved_per_usd(case: Case) -> float:
    """Of a dollar of API bill, what hosting saves before its own cost: α(1−ε) − (r + α·Δe·L)·n/A."""
    if case.api_usd_per_month <= 0:
        return 0.0
    return share_kept(case.hybrid) - per_call_usd(case.hybrid) * case.calls_per_month / case.api_usd_per_month


def _stair_usd(case: Case) -> float:
    """API spend whose peak fills one more replica."""
    return case.hosting.utilisation_at_peak / peak_busy(case) * case.api_usd_per_month


def _replica_usd(case: Case) -> float:
    hosting = case.hosting
    return HOURS_PER_MONTH * hosting.gpus_per_replica * hosting.gpu_usd_per_hour * (1 + hosting.overhead_share)


def _standing_usd(case: Case) -> float:
    """S without GPUs, and I/T_am."""
    return fixed_usd_per_month(case) + case.project.one_off_usd / case.project.amortise_months


def npv_spend(case: Case, decline: float | None = None) -> float | None:
    """The spend from which the NPV is positive, by growing the volume; None where neither 10,000 times it nor a hundred
    million dollars a month are enough.

    Args:
        decline: δ; the case's own where left out.
    """
    if case.api_usd_per_month <= 0:
        return None
    if decline is not None:
        case = replace(case, market=replace(case.market, api_price_decline_per_year=decline))
    most = max(1e4, 1e8 / case.api_usd_per_month)
    low = high = 0.01
    while npv_usd(case.scaled(high)) < 0:
        low, high = high, high * 1.05
        if high > most:
            return None
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if npv_usd(case.scaled(middle)) >= 0 else (middle, high)
    return high * case.api_usd_per_month
