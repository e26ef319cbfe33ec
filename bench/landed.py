"""Spans a second that land: queryable and priced, not merely answered."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import clean_environment, source_path
from bench.targets import Breakeven, Target

BATCHES = (1, 50, 512)
CONNECTIONS = 8
_LONGEST_S = 180.0


@dataclass(frozen=True)
class Run:
    """One load on one target."""

    spans: int
    acknowledged_s: float
    """Spans a second until the last acknowledgement."""
    landed_s: float
    """Spans a second until the last was in the store; 0 where that cannot be counted."""
    kept: int
    """Spans of the load that the store holds."""
    target_cpu_us: float
    """CPU a span, microseconds."""
    generator_cpu_us: float
    peak_bytes: int
    retries: int


class Loads:
    """Targets, started when they are first needed, and loads on them."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self._targets = targets
        self._folder = tempfile.TemporaryDirectory(prefix="breakeven-bench-")
        self._started = 0

    def __enter__(self) -> "Loads":
        return self

    def __exit__(self, *_: object) -> None:
        for target in self._targets:
            target.stop()
        self._folder.cleanup()

    def run(self, target: Target, batch: int, part: float = 1.0) -> Run:
        """Send a load and wait for it to land."""
        if target.process is None or target.is_fresh:
            target.stop()
            self._started += 1
            target.start(Path(self._folder.name) / str(self._started))
            # One request first: what a target sets up at its first is not what is measured.
            self._send(target, spans=batch, batch=batch, repeat=1)
            target.wait_for(batch, 60) if target.keeps else time.sleep(0.5)
        assert target.process
        before = target.landed()
        target.process.forget_peak()
        cpu = target.process.cpu_s()
        spans = max(batch, int(target.spans[batch] * part) // batch * batch)
        sent = self._send(target, spans=spans, batch=batch, repeat=target.repeat)
        spans = sent["spans"]
        if not spans or sent["refused"]:
            raise RuntimeError(f"{target.name} refused {sent['refused']} spans: {sent['refusal']}")
        done = target.wait_for(before + spans, _LONGEST_S) if target.keeps else False
        landed = time.time_ns()
        return Run(
            spans=spans,
            acknowledged_s=spans / sent["seconds"],
            landed_s=spans / ((landed - sent["first_ns"]) / 1e9) if done else 0.0,
            kept=target.landed() - before,
            target_cpu_us=(target.process.cpu_s() - cpu) / spans * 1e6,
            generator_cpu_us=sent["cpu_s"] / spans * 1e6,
            peak_bytes=target.process.peak_bytes(),
            retries=sent["retries"],
        )

    def _send(self, target: Target, *, spans: int, batch: int, repeat: int) -> dict[str, Any]:
        generator = subprocess.Popen(
            [
                *(sys.executable, "-m", "bench.load", f"{target.url}/v1/traces"),
                *("--spans", str(spans), "--batch", str(batch), "--repeat", str(repeat)),
                *("--connections", str(CONNECTIONS)),
                *(part for header in target.headers for part in ("--header", header)),
            ],
            env=clean_environment() | source_path(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert generator.stdout
        if generator.stdout.readline() != "ready\n":
            raise RuntimeError("the load generator failed")
        answer, _ = generator.communicate("go\n")
        return json.loads(answer)


def median(runs: Sequence[Run]) -> Run:
    """Each figure's median; most memory of all."""
    if not runs:
        raise ValueError("no runs")

    def middle(name: str) -> float:
        return statistics.median(getattr(run, name) for run in runs)

    return Run(
        spans=runs[0].spans,
        acknowledged_s=middle("acknowledged_s"),
        landed_s=middle("landed_s"),
        kept=min(run.kept for run in runs),
        target_cpu_us=middle("target_cpu_us"),
        generator_cpu_us=middle("generator_cpu_us"),
        peak_bytes=max(run.peak_bytes for run in runs),
        retries=sum(run.retries for run in runs),
    )


def one(batch: int, runs: int) -> list[Run]:
    """Breakeven alone."""
    with Loads([target := Breakeven()]) as loads:
        return [loads.run(target, batch) for _ in range(runs)]


if __name__ == "__main__":
    # While tuning: python -m bench.landed [BATCH [RUNS]]
    for run in one(int((*sys.argv, "512")[1]), int((*sys.argv, "", "1")[2] or 1)):
        print(run)
