"""From a span's end to its dollars in the report, with the default settings of SDK and collector.

An application with `breakeven.init()` in a process of its own makes calls at a modest rate; here the report is asked
for over HTTP again and again. A span has arrived when the first report that counts it has been read.
"""

import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from bench.measure import Result
from bench.processes import clean_environment, get, source_path
from bench.targets import Breakeven

_A_SECOND: Final = 10
_TARGET_S: Final = 3.0


def measure(seconds: float = 60) -> list[Result]:
    """Calls at random moments, ten a second."""
    with tempfile.TemporaryDirectory(prefix="breakeven-bench-") as folder:
        target = Breakeven()
        target.start(Path(folder))
        try:
            delays, reports = _watch(target, int(seconds * _A_SECOND))
        finally:
            target.stop()
    p50, p95 = (statistics.quantiles(delays, n=100)[n - 1] for n in (50, 95))
    return [
        Result(
            f"span's end to report, {_A_SECOND} calls a second",
            f"p50 {p50:.2f} s, p95 {p95:.2f} s",
            f"{_TARGET_S:.0f} s aimed at",
            f"{p95 / _TARGET_S:.2f}",
        ),
        Result("a report while this goes on", f"{statistics.median(reports):.2f} s", "", ""),
    ]


def _watch(target: Breakeven, calls: int) -> tuple[list[float], list[float]]:
    application = subprocess.Popen(
        [sys.executable, "-m", "bench.freshness", target.url, str(calls)],
        env=clean_environment() | source_path(),
        stdout=subprocess.PIPE,
        text=True,
    )
    # Cumulative counts and when they were read. The application ends its spans one after the other.
    seen: list[tuple[int, float]] = []
    reports: list[float] = []
    deadline = time.monotonic() + 120 + calls / _A_SECOND
    while not seen or seen[-1][0] < calls:
        asked = time.perf_counter()
        totals = get(f"{target.url}/api/report?days=2&by=provider")["totals"]
        reports.append(time.perf_counter() - asked)
        seen.append((totals["calls"] - totals["unpriced_calls"], time.time()))
        if time.monotonic() > deadline:
            raise TimeoutError(f"{seen[-1][0]} of {calls} calls are in the report")
        time.sleep(0.02)
    out, _ = application.communicate(timeout=60)
    ended = [float(line) for line in out.split()]
    arrivals = iter(seen)
    count, when = next(arrivals)
    delays: list[float] = []
    for number, end in enumerate(ended, 1):
        while count < number:
            count, when = next(arrivals)
        delays.append(when - end)
    return delays, reports


def _application(url: str, calls: int) -> None:
    import breakeven
    from opentelemetry import trace

    breakeven.init(service="bench", endpoint=url, instrument=False)
    tracer = trace.get_tracer("bench")
    ended: list[float] = []
    draw = random.Random(1)
    for number in range(calls):
        time.sleep(draw.expovariate(_A_SECOND))
        with breakeven.feature(f"feature-{number % 5}", tenant=f"tenant-{number % 7}"):
            tracer.start_span(
                "chat gpt-4o",
                attributes={
                    "gen_ai.operation.name": "chat",
                    "gen_ai.provider.name": "openai",
                    "gen_ai.response.model": "gpt-4o-2024-08-06",
                    "gen_ai.response.id": f"chatcmpl-{draw.getrandbits(96):024x}",
                    "gen_ai.usage.input_tokens": 1000,
                    "gen_ai.usage.output_tokens": 100,
                },
            ).end()
        ended.append(time.time())
    print(*ended, sep="\n")


if __name__ == "__main__":
    _application(sys.argv[1], int(sys.argv[2]))
