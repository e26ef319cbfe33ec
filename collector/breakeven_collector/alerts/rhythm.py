"""What is usual: median and median deviation of the same hour of earlier weeks, at the level of the last days.

A series' *level* is the median of the last seven blocks (days) before a moment. What a slot (an hour of the week, or a
weekday) takes of its level is the median over the last four weeks; times today's level it is what is usual. So it
follows growth within days, and neither one spike nor one quiet holiday changes it. With less than two weeks of history
the same slot of earlier days stands in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import median
from typing import Final

_WEEKS: Final = 4
_BLOCKS: Final = 7
_SIGMA: Final = 1.4826
"""Of a normal distribution by its median deviation."""
_ALIKE: Final = 3.0
"""Hours of a third to three times as much are about as busy."""
_LEAST_ALIKE: Final = 7
_LEAST_SPREAD: Final = 0.02
"""Nothing is steadier than that by nature."""
_LEAST_BLOCKS: Final = 3
"""Before so many days nothing is usual."""


@dataclass(frozen=True)
class Usual:
    """What is usual at a moment."""

    value: float
    slots: tuple[int, ...]
    """Earlier moments that it is learnt from, as indices of the series."""


class Rhythm:
    """A series of hours (`block` 24) or days (`block` 1), regular and without gaps.

    Args:
        values: from the first moment that is known on; 0 where nothing was.
        block: so many make a day.
        first: index of the first moment with anything in it; what is before is not there yet.
    """

    def __init__(self, values: Sequence[float], block: int, first: int = 0) -> None:
        self._values = values
        self._block = block
        self._week = 7 * block
        self._first = first
        self._sums = [0.0, *accumulate(values)]

    def level(self, at: int) -> float | None:
        """Of the blocks before, a slot's share of the median one; None: there are too few."""
        blocks = min(_BLOCKS, (at - self._first) // self._block)
        if blocks < _LEAST_BLOCKS:
            return None
        ends = [at - n * self._block for n in range(blocks)]
        return median(self._sums[end] - self._sums[end - self._block] for end in ends) / self._block

    def usual(self, at: int) -> Usual | None:
        """At a moment, from those before; None: too little is known, or nothing was usual."""
        level = self.level(at)
        if level is None:
            return None
        # That it is going on already must not make it usual: the level of a week is its median day.
        shares: list[float] = []
        slots: list[int] = []
        for n in range(1, _WEEKS + 1):
            slot = at - n * self._week
            if slot < self._first or (then := self.level(slot)) is None:
                break
            shares.append(self._values[slot] / then if then > 0 else 0.0)
            slots.append(slot)
        if len(shares) < 2:
            days = [at - n * self._block for n in range(1, _BLOCKS + 1)]
            slots = [slot for slot in days if slot >= self._first]
            return Usual(median(self._values[slot] for slot in slots), tuple(slots))
        return Usual(median(shares) * level, tuple(slots))

    def score(self, at: int, usual: float) -> float:
        """By how many usual deviations a value is above what is usual: those of hours that are about as busy, for noise
        grows with what there is."""
        floor = 0.05 * (self.level(at) or 0.0) + 1e-9
        deviations: list[tuple[float, float]] = []
        for slot in range(max(self._first, at - 2 * self._week), at):
            found = self.usual(slot)
            if found is not None:
                deviations.append((found.value, abs(self._values[slot] - found.value) / (found.value + floor)))
        alike = [one for value, one in deviations if usual / _ALIKE <= value <= usual * _ALIKE]
        of = sorted(alike if len(alike) >= _LEAST_ALIKE else [one for _, one in deviations])
        if not of:
            return 0.0
        # A series that is mostly still has a median deviation of nothing: what one hour in ten does is usual, too.
        spread = max(_SIGMA * median(of), of[int(0.9 * (len(of) - 1))] / 1.645, _LEAST_SPREAD)
        return (self._values[at] - usual) / (usual + floor) / spread

    def habits(self, at: int, rise: float) -> int:
        """On how many other days of the last four weeks it rose nearly as far above what was usual."""
        days: set[int] = set()
        for slot in range(max(self._first, at - _WEEKS * self._week), at - self._block):
            if self._values[slot] < 0.8 * rise:
                continue
            found = self.usual(slot)
            if found is not None and self._values[slot] - found.value >= 0.8 * rise:
                days.add(slot // self._block)
        return len(days)
