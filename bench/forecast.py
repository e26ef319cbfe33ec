"""How often the 80 % interval of the forecast holds the day on which spend really crosses, over seeded series."""

import math
import random
from collections.abc import Callable
from typing import Final

from breakeven_collector.economics.forecast import crossing

from bench.tables import Table

_KINDS: Final = ("steady", "weekly", "autocorrelated")
_SLOPE = 0.006


def series(kind: str, seed: int) -> list[float]:
    """28 days that grow 0.6 % a day: with noise, with a weekly shape as well, with noise that lasts (ρ = .4)."""
    source = random.Random(seed)
    noise, days = 0.0, list[float]()
    for day in range(28):
        noise = (0.4 * noise if kind == "autocorrelated" else 0.0) + source.gauss(0, 0.08)
        week = -0.4 if kind != "steady" and day % 7 >= 5 else 0.0
        days.append(400 * math.exp(_SLOPE * (day - 27) + week + noise))
    return days


def measure(count: int, tell: Callable[[str], None]) -> list[Table]:
    """Coverage of each kind; the threshold lies where the true trend crosses after 60 days."""
    rows: list[tuple[str, str, str]] = []
    for kind in _KINDS:
        weekly = math.log((5 + 2 * math.exp(-0.4)) / 7) if kind != "steady" else 0.0
        threshold = 30 * 400 * math.exp(weekly + _SLOPE * 60)
        inside = 0
        for seed in range(count):
            tell(f"{kind} {seed}/{count}")
            found = crossing(series(kind, seed), threshold, draws=500, seed=seed)
            low = math.inf if found.p10_days is None else found.p10_days
            high = math.inf if found.p90_days is None else found.p90_days
            inside += low <= 60 <= high
        rows.append((kind, f"{inside / count:.1%}", "72–88 %"))
    return [Table("Forecast: coverage of the 80 % interval", ("Series", "Covered", "Aimed at"), rows)]
