"""S: what it costs a month to host, from the peak to replicas to GPUs to dollars."""

import math

from breakeven_collector.economics.case import HOURS_PER_MONTH, Case

_ROUNDING = 1e-9
"""What floats are off: 2.0000000001 replicas are two."""


def peak_busy(case: Case, growth: float = 1.0) -> float:
    """α·b*·growth, b* = b̄ · PMR · β: what the own replicas must carry in their worst minutes."""
    return case.hybrid.cost_share * case.mean_busy * case.peak_to_mean * case.burst * growth


def replicas(case: Case, growth: float = 1.0) -> int:
    """N = max(R_min, ⌈α·b*·(1+g)^{t−1} / U*⌉ + R_sp); 0 where nothing is hosted.

    Args:
        growth: (1+g)^{t−1} of the month.
    """
    return _for_busy(case, peak_busy(case, growth))


def _for_busy(case: Case, busy: float) -> int:
    if busy <= 0:
        return 0
    hosting = case.hosting
    needed = math.ceil(busy / hosting.utilisation_at_peak - _ROUNDING)
    return max(hosting.min_replicas, needed + hosting.spare_replicas)


def gpu_usd_per_month(case: Case, growth: float = 1.0, count: int | None = None) -> float:
    """G = min(730·N·k·γ_res, Σ_h N_h·k·γ_od), the sum brought to a month of 730 hours; serverless bills Σ b_h.

    Args:
        growth: (1+g)^{t−1} of the month.
        count: So many replicas, whatever the load.
    """
    k, price = case.hosting.gpus_per_replica, case.hosting.gpu_usd_per_hour
    if case.serverless:
        hours = HOURS_PER_MONTH * case.hybrid.cost_share * case.mean_busy * growth
        return (hours + case.cold_start_hours_per_month) * k * price if hours else 0.0
    reserved = HOURS_PER_MONTH * (replicas(case, growth) if count is None else count) * k * price
    if count is not None or case.autoscaled_usd_per_hour is None or not case.hourly_busy:
        return reserved
    share = case.hybrid.cost_share * case.burst * growth
    # An hour without calls keeps the least number of replicas, else the first call of the next would wait for a start.
    by_hour = sum(_for_busy(case, busy * share) or case.hosting.min_replicas for busy in case.hourly_busy)
    scaled = HOURS_PER_MONTH / len(case.hourly_busy) * by_hour * k * case.autoscaled_usd_per_hour
    return min(reserved, scaled) if reserved else 0.0


def fixed_usd_per_month(case: Case) -> float:
    """o₀ + F·Y/12 + C_rt/τ: what does not depend on the GPUs."""
    hosting = case.hosting
    return (
        hosting.overhead_fixed_usd
        + hosting.fte * hosting.fte_usd_per_year / 12
        + hosting.retrain_usd / hosting.retrain_every_months
    )


def hosting_usd_per_month(case: Case, growth: float = 1.0, count: int | None = None) -> float:
    """S = G·(1+o) + o₀ + F·Y/12 + C_rt/τ; 0 where no share is hosted. Without traffic G is 0, people are paid."""
    if count is None and case.hybrid.cost_share <= 0:
        return 0.0
    return gpu_usd_per_month(case, growth, count) * (1 + case.hosting.overhead_share) + fixed_usd_per_month(case)


def mean_utilisation(case: Case) -> float | None:
    """α·b̄ / N; None without replicas."""
    count = replicas(case)
    return case.hybrid.cost_share * case.mean_busy / count if count else None
