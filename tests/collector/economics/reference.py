"""The model once more, in plain floats, written from its text alone.

It shares nothing with the package: the tests compare the two. Take the text's most literal
reading here, never the package's. All arguments are plain numbers; money is USD.
"""

import math
from dataclasses import dataclass

HOURS = 730


@dataclass
class Case:
    """One scenario, every value given (shares 0-1, tokens per call, USD per million tokens)."""

    calls: float
    uncached: float
    cached: float
    output: float
    p_input: float
    p_cached: float
    p_output: float
    peak_to_mean: float = 3
    burst: float = 1.25
    gpu_usd: float = 3
    gpus: float = 1
    prefill: float = 30_000
    decode: float = 5_000
    utilisation: float = 0.7
    min_replicas: int = 2
    spare: int = 1
    prefix_hit: float = 0
    fte: float = 0.5
    fte_usd: float = 250_000
    overhead: float = 0.15
    overhead_fixed: float = 300
    retrain: float = 1_500
    retrain_months: float = 3
    alpha: float = 0.9
    escalation: float = 0.05
    router: float = 0
    extra_errors: float = 0
    error_usd: float = 0
    one_off: float = 60_000
    build: float = 1.5
    shadow: float = 1
    judge: float = 500
    amortise: float = 18
    horizon: float = 24
    growth: float = 0
    decline: float = 0
    discount: float = 0.1


def api(c: Case) -> float:
    tokens_usd = c.uncached * c.p_input + c.cached * c.p_cached + c.output * c.p_output
    return c.calls * tokens_usd / 1e6


def busy(c: Case) -> float:
    """Mean busy replicas if all calls were hosted."""
    seconds = (c.uncached + (1 - c.prefix_hit) * c.cached) / c.prefill + c.output / c.decode
    return c.calls * seconds / 3600 / HOURS


def replicas(c: Case, volume: float = 1) -> int:
    hosted = c.alpha * busy(c) * volume
    if hosted == 0:
        return 0
    peak = hosted * c.peak_to_mean * c.burst
    return max(c.min_replicas, math.ceil(peak / c.utilisation - 1e-9) + c.spare)


def serverless(c: Case) -> bool:
    return c.min_replicas == 0 and c.spare == 0


def run_cost(c: Case, volume: float = 1) -> float:
    if c.alpha == 0:
        return 0
    running = c.alpha * busy(c) * volume if serverless(c) else replicas(c, volume)
    gpu = HOURS * running * c.gpus * c.gpu_usd
    staff = c.fte * c.fte_usd / 12
    return gpu * (1 + c.overhead) + c.overhead_fixed + staff + c.retrain / c.retrain_months


def hybrid(c: Case, volume: float = 1, price: float = 1) -> float:
    bill = api(c) * volume * price
    if c.alpha == 0:
        return bill
    calls = c.calls * volume
    errors = c.alpha * calls * max(0, c.extra_errors) * c.error_usd
    left = (1 - c.alpha) * bill + c.alpha * c.escalation * bill
    return left + run_cost(c, volume) + c.router * calls + errors


def payback(c: Case) -> tuple[float | None, float | None]:
    saving = api(c) - hybrid(c)
    if saving <= 0:
        return None, None
    spent = c.one_off + c.shadow * (run_cost(c) + c.judge)
    return c.one_off / saving, c.build + c.shadow + spent / saving


def npv(c: Case) -> float:
    total = -c.one_off if c.build == 0 else 0.0
    for t in range(1, math.ceil(c.horizon) + 1):
        end = min(t, c.horizon)
        building = max(0, min(end, c.build) - (t - 1))
        ready = c.build + c.shadow
        shadowing = max(0, min(end, ready) - max(t - 1, c.build))
        live = max(0, end - max(t - 1, ready))
        volume = (1 + c.growth) ** (t - 1)
        price = (1 - c.decline) ** ((t - 1) / 12)
        flow = -shadowing * (run_cost(c, volume) + c.judge)
        flow += live * (api(c) * volume * price - hybrid(c, volume, price))
        if building:
            flow -= building * c.one_off / c.build
        total += flow / (1 + c.discount) ** (t / 12)
    return total


def net(c: Case, volume: float) -> float:
    """Saving a month at ``volume`` times the calls, after the one-off cost is amortised."""
    return api(c) * volume - hybrid(c, volume) - c.one_off / c.amortise


def breakeven(c: Case) -> float | None:
    """The first API bill at which hosting saves nothing and costs nothing; stair by stair."""
    if c.alpha == 0 or api(c) == 0:
        return None
    errors = c.alpha * c.calls * max(0, c.extra_errors) * c.error_usd
    gain = c.alpha * (1 - c.escalation) * api(c) - c.router * c.calls - errors
    fixed = run_cost(c, 0) + c.one_off / c.amortise  # no traffic: no replica
    replica = HOURS * c.gpus * c.gpu_usd * (1 + c.overhead)
    if serverless(c):
        gain -= replica * c.alpha * busy(c)
        return api(c) * fixed / gain if gain > 0 else None
    stair = c.alpha * busy(c) * c.peak_to_mean * c.burst / c.utilisation
    if gain <= 0 or (stair and gain <= replica * stair):
        return None
    for step in range(1, 2_000_000):
        volume = (fixed + replica * max(c.min_replicas, step + c.spare)) / gain
        if stair * volume <= step + 1e-9:
            return api(c) * volume
    return None


def exists(c: Case) -> bool:
    return breakeven(c) is not None
