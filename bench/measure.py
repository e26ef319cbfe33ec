"""What a measurement gives."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """One line of the table."""

    what: str
    ours: str
    against: str
    ratio: str


def seconds(work: Callable[[], object], rounds: int) -> float:
    """Median time of `work`."""
    taken: list[float] = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)
