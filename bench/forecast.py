"""How often the 80 % interval of the forecast holds the day on which spend really crosses, over seeded series."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from breakeven_collector.economics.forecast import crossing

from bench.tables import Table

_SLOPE: Final = 0.006
"""A day, of the log: 20 % a month."""
_AHEAD: Final = 400
_NEAR: Final = 45
"""Days after which the trend crosses if its slope stays."""


@dataclass(frozen=True)
class Kind:
    """A way in which daily spend moves."""

    name: str
    days: int = 28
    noise: float = 0.08
    autocorrelation: float = 0.0
    weekend: float = 0.0
    """Of the log, on Saturday and Sunday."""
    drift: float = 0.0
    """Standard deviation of the slope's change, a day."""
    missing: int = 0
    """Days without a figure."""
    is_made_for: bool = True
    """The method is meant for it: 72–88 % are aimed at."""


KINDS: Final = (
    Kind("constant slope"),
    Kind("constant slope, noise × 2", noise=0.16),
    Kind("constant slope, 42 days (the last 28 count)", days=42),
    Kind("weekly shape", weekend=-0.4),
    Kind("autocorrelated, 0.4", autocorrelation=0.4),
    Kind("autocorrelated, 0.4, weekly shape", autocorrelation=0.4, weekend=-0.4),
    Kind("weekly shape, 3 days missing", weekend=-0.4, missing=3),
    Kind("autocorrelated, 0.7", autocorrelation=0.7),
    Kind("slope drifts by 0.03 points a day", drift=0.0003, is_made_for=False),
    Kind("slope drifts by 0.1 points a day", drift=0.001, is_made_for=False),
    Kind("weekly shape, 6 days missing", weekend=-0.4, missing=6, is_made_for=False),
    Kind("14 days", days=14, is_made_for=False),
    Kind("21 days", days=21, is_made_for=False),
    Kind("27 days", days=27, is_made_for=False),
)


@dataclass(frozen=True)
class Series:
    """Daily dollars, the threshold of 30 days, and the day on which the trend passes it, from the last day."""

    usd: list[float | None]
    threshold_usd: float
    crosses_on: float


def series(kind: Kind, seed: int) -> Series:
    """One history and what came after. What crosses is the trend: noise of a single day does not."""
    source = random.Random(seed)
    slope, trend = _SLOPE, [0.0]
    for _ in range(kind.days + _AHEAD):
        trend.append(trend[-1] + slope)
        slope += source.gauss(0, kind.drift) if kind.drift else 0.0
    last = trend[kind.days - 1]
    lasting, spread = 0.0, math.sqrt(1 - kind.autocorrelation**2)
    usd: list[float | None] = []
    for day in range(kind.days):
        # The same spread of a day, whether it lasts or not.
        lasting = kind.autocorrelation * lasting + spread * source.gauss(0, kind.noise)
        week = kind.weekend if (day - kind.days) % 7 >= 5 else 0.0
        usd.append(400 * math.exp(trend[day] - last + week + lasting))
    for day in source.sample(range(kind.days), kind.missing):
        usd[day] = None
    aim = _SLOPE * _NEAR
    after = [value - last for value in trend[kind.days - 1 :]]
    at = next((day for day, value in enumerate(after) if value >= aim), None)
    crosses = math.inf if at is None else at - (after[at] - aim) / (after[at] - after[at - 1])
    level = 400 * (5 + 2 * math.exp(kind.weekend)) / 7
    return Series(usd, 30 * level * math.exp(aim), crosses)


def coverage(kind: Kind, count: int, tell: Callable[[str], None], draws: int = 500) -> tuple[int, int, float]:
    """Of `count` series: with the true day in P10–P90, without P90, and their median width in days (nan: no dates)."""
    inside = open_ended = 0
    widths: list[float] = []
    for seed in range(count):
        tell(f"{kind.name} {seed}/{count}")
        made = series(kind, seed)
        found = crossing(made.usd, made.threshold_usd, draws=draws, seed=seed)
        if found.probability_90_days is None:
            continue
        low = math.inf if found.p10_days is None else found.p10_days
        high = math.inf if found.p90_days is None else found.p90_days
        inside += low <= made.crosses_on <= high
        open_ended += high == math.inf
        widths.append(high - low if low < math.inf else math.inf)
    return inside, open_ended, sorted(widths)[len(widths) // 2] if widths else math.nan


def measure(count: int, tell: Callable[[str], None]) -> list[Table]:
    """Coverage of each kind; the trend crosses after 45 days where its slope stays."""
    rows: list[tuple[str, ...]] = []
    for kind in KINDS:
        inside, open_ended, width = coverage(kind, count, tell)
        if math.isnan(width):
            rows.append((kind.name, "no date is given", "", "", ""))
            continue
        shown = "open" if math.isinf(width) else f"{width:.0f} days"
        aim = "72–88 %" if kind.is_made_for else "none"
        rows.append((kind.name, f"{inside / count:.1%}", aim, shown, f"{open_ended / count:.0%}"))
    head = ("Series", "80 % interval held the day", "Aimed at", "Median width", "No P90")
    return [Table("Forecast: coverage of the 80 % interval", head, rows)]
