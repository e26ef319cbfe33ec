"""When a feature's spend passes its threshold: OLS of log daily spend, drawn from what the fit leaves open."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

FIT_DAYS: Final = 28
NEAR_DAYS: Final = 90
_MONTH_DAYS: Final = 30
_DRAWS: Final = 4_000
_P90_OF_T: Final = {16: 1.337, 17: 1.333, 18: 1.330, 19: 1.328, 20: 1.325}
"""By degrees of freedom: of 28 days 24 to 28 must be there."""
_PARAMETERS: Final = 8
"""Level, slope, six weekdays."""


@dataclass(frozen=True)
class Fit:
    """log spend = level + slope · days from the last day, without the weekday's part."""

    level: float
    slope: float
    level_variance: float
    slope_variance: float
    covariance: float
    degrees: int
    residual_sd: float
    weekday_mean: float
    """log of what the weekdays multiply the level by on average, so that 30 days are 30 · exp(level + this)."""


@dataclass(frozen=True)
class Crossing:
    """When the trailing spend a month passes a threshold, in days from the last day."""

    p10_days: float | None
    p50_days: float | None
    p90_days: float | None
    probability_90_days: float | None
    is_above: bool = False
    reason: str | None = None
    """Why there is no date."""


@dataclass(frozen=True)
class MonthEnd:
    """What a calendar month will have cost."""

    p10_usd: float | None
    p50_usd: float | None
    p90_usd: float | None
    reason: str | None = None


def fit(daily_usd: Sequence[float | None], weekday_of_last: int = 6) -> Fit | str:
    """The last 28 days, or why they cannot be fitted. None is a day that is missing; 0 is a day without spend.

    Variance is inflated by (1+ρ)/(1−ρ), ρ = lag-1 autocorrelation of the residuals + 3/n, held to 0 … 0.8.
    """
    days = list(daily_usd)[-FIT_DAYS:]
    if len(days) < FIT_DAYS:
        return f"{len(days)} days of spend; a date needs {FIT_DAYS}"
    rows = [(i - (FIT_DAYS - 1), usd) for i, usd in enumerate(days) if usd is not None and usd > 0]
    lost = FIT_DAYS - len(rows)
    if lost > 4:
        return f"{lost} of the last {FIT_DAYS} days are missing or without spend; a date allows 4"
    weekdays = {(weekday_of_last + day) % 7 for day, _ in rows}
    if len(weekdays) < 7:
        return "a weekday has no spend at all in the last 28 days"
    design: list[list[float]] = []
    for day, _ in rows:
        weekday = (weekday_of_last + day) % 7
        # Effects that sum to zero over the week: the level is then that of an average day.
        effects = [-1.0] * 6 if weekday == 6 else [1.0 if weekday == at else 0.0 for at in range(6)]
        design.append([1.0, float(day), *effects])
    logs = [math.log(usd) for _, usd in rows]
    inverse = _inverse(_gram(design))
    moments = [math.fsum(row[i] * y for row, y in zip(design, logs, strict=True)) for i in range(_PARAMETERS)]
    beta = [math.fsum(a * b for a, b in zip(line, moments, strict=True)) for line in inverse]
    residuals = [
        y - math.fsum(a * b for a, b in zip(row, beta, strict=True)) for row, y in zip(design, logs, strict=True)
    ]
    degrees = len(rows) - _PARAMETERS
    square = math.fsum(r * r for r in residuals)
    variance = square / degrees
    lag = math.fsum(a * b for a, b in pairwise(residuals)) / square if square > 1e-18 else 0.0
    rho = min(0.8, max(0.0, lag + 3 / len(rows)))
    inflated = variance * (1 + rho) / (1 - rho)
    effects = [*beta[2:], -math.fsum(beta[2:])]
    mean = math.log(math.fsum(math.exp(one) for one in effects) / 7)
    return Fit(
        beta[0],
        beta[1],
        inflated * inverse[0][0],
        inflated * inverse[1][1],
        inflated * inverse[0][1],
        degrees,
        math.sqrt(variance),
        mean,
    )


def crossing(
    daily_usd: Sequence[float | None],
    threshold_usd_per_month: float,
    *,
    weekday_of_last: int = 6,
    seed: int = 1,
    draws: int = _DRAWS,
) -> Crossing:
    """t* = ln(θ / level) / slope over draws of (slope, level) from t with n − 8 degrees; θ a month is 30 days.

    Args:
        weekday_of_last: Of the last day, Monday is 0.
    """
    found = fit(daily_usd, weekday_of_last)
    if isinstance(found, str):
        return Crossing(None, None, None, None, reason=found)
    if threshold_usd_per_month <= 0:
        return Crossing(None, None, None, None, reason="there is no threshold")
    target = math.log(threshold_usd_per_month / _MONTH_DAYS)
    if found.level + found.weekday_mean >= target:
        return Crossing(0.0, 0.0, 0.0, 1.0, is_above=True)
    times = sorted(
        (target - found.weekday_mean - level) / slope
        if slope > 0 and level + found.weekday_mean < target
        else (0.0 if level + found.weekday_mean >= target else math.inf)
        for slope, level in _draw(found, draws, seed)
    )
    p10, p50, p90 = (times[int(share * (draws - 1))] for share in (0.1, 0.5, 0.9))
    near = sum(time <= NEAR_DAYS for time in times) / draws
    reason = None if math.isfinite(p50) else "at the pace of the last 28 days it does not cross"
    shown = [value if math.isfinite(value) else None for value in (p10, p50, p90)]
    return Crossing(shown[0], shown[1], shown[2], near, reason=reason)


@dataclass(frozen=True)
class Outlook:
    """Spend of the trailing 30 days on a day ahead, USD."""

    days: int
    """From the last day."""
    p10_usd: float
    p50_usd: float
    p90_usd: float


def outlook(found: Fit, days: Sequence[int]) -> list[Outlook]:
    """What the fit leaves open on each of the days: level + slope · day is Student's t for two that are t together.

    Where the middle one passes a threshold, `crossing` of what the pace must be by then (`behind`) has its P50.
    """
    wide = _P90_OF_T[found.degrees]
    ahead: list[Outlook] = []
    for day in days:
        middle = found.level + found.weekday_mean + found.slope * day
        variance = found.level_variance + day * day * found.slope_variance + 2 * day * found.covariance
        off = wide * math.sqrt(max(0.0, variance))
        low, half, high = (
            _MONTH_DAYS * behind(found) * math.exp(min(50.0, log)) for log in (middle - off, middle, middle + off)
        )
        ahead.append(Outlook(day, low, half, high))
    return ahead


def behind(found: Fit) -> float:
    """What the trailing 30 days come to, in times of 30 days at the last one's pace: less than 1 under growth."""
    return math.fsum(math.exp(-found.slope * day) for day in range(_MONTH_DAYS)) / _MONTH_DAYS


def month_end(
    so_far_usd: float,
    days_left: int,
    daily_usd: Sequence[float | None],
    *,
    weekday_of_last: int = 6,
    seed: int = 1,
    draws: int = _DRAWS,
) -> MonthEnd:
    """What is spent by the end of a month: so far, and the days that are left, with the noise of single days."""
    found = fit(daily_usd, weekday_of_last)
    if isinstance(found, str):
        return MonthEnd(None, None, None, found)
    source = random.Random(seed + 1)
    totals: list[float] = []
    for slope, level in _draw(found, draws, seed):
        rest = math.fsum(
            math.exp(min(50.0, level + found.weekday_mean + slope * day + source.gauss(0, found.residual_sd)))
            for day in range(1, days_left + 1)
        )
        totals.append(so_far_usd + rest)
    totals.sort()
    p10, p50, p90 = (totals[int(share * (draws - 1))] for share in (0.1, 0.5, 0.9))
    return MonthEnd(p10, p50, p90)


def _draw(found: Fit, draws: int, seed: int) -> list[tuple[float, float]]:
    """(slope, level) from a bivariate t."""
    source = random.Random(seed)
    a = math.sqrt(found.slope_variance)
    b = found.covariance / a if a else 0.0
    c = math.sqrt(max(0.0, found.level_variance - b * b))
    pairs: list[tuple[float, float]] = []
    for _ in range(draws):
        # chi² of n degrees is gamma of n/2 and 2
        wide = math.sqrt(found.degrees / source.gammavariate(found.degrees / 2, 2))
        first, second = source.gauss(0, 1) * wide, source.gauss(0, 1) * wide
        pairs.append((found.slope + a * first, found.level + b * first + c * second))
    return pairs


def _gram(design: Sequence[Sequence[float]]) -> list[list[float]]:
    return [[math.fsum(row[i] * row[j] for row in design) for j in range(_PARAMETERS)] for i in range(_PARAMETERS)]


def _inverse(matrix: list[list[float]]) -> list[list[float]]:
    """Gauss and Jordan, with the largest pivot."""
    size = len(matrix)
    rows = [[*line, *(1.0 if i == j else 0.0 for j in range(size))] for i, line in enumerate(matrix)]
    for at in range(size):
        largest = max(range(at, size), key=lambda i: abs(rows[i][at]))
        rows[at], rows[largest] = rows[largest], rows[at]
        pivot = rows[at][at]
        rows[at] = [value / pivot for value in rows[at]]
        for i in range(size):
            if i != at:
                factor = rows[i][at]
                rows[i] = [value - factor * own for value, own in zip(rows[i], rows[at], strict=True)]
    return [row[size:] for row in rows]
