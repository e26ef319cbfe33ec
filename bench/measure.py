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


def cpu_seconds(work: Callable[[], object], rounds: int) -> float:
    """Median CPU time that this thread spends on `work`: what else runs on the machine moves it little."""
    taken: list[float] = []
    for _ in range(rounds):
        started = time.thread_time()
        work()
        taken.append(time.thread_time() - started)
    return statistics.median(taken)


def seconds(work: Callable[[], object], rounds: int) -> float:
    """Median time of `work`."""
    taken: list[float] = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)
