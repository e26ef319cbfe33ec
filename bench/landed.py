"""Spans a second that land: queryable and priced, not merely answered."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import clean_environment, source_path
from bench.tables import Table
from bench.targets import RIVALS, Breakeven, Target

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
    """Spans a second until the last was in the store; 0 where nothing is kept."""
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
        if target.keeps and not target.wait_for(before + spans, _LONGEST_S):
            raise RuntimeError(
                f"{target.name} holds {target.landed() - before} of {spans} spans after {_LONGEST_S:.0f} s: "
                "send it fewer, or wait longer"
            )
        landed = time.time_ns()
        return Run(
            spans=spans,
            acknowledged_s=spans / sent["seconds"],
            landed_s=spans / ((landed - sent["first_ns"]) / 1e9) if target.keeps else 0.0,
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


def measure(runs: int, part: float, tell: Callable[[str], None]) -> list[Table]:
    """Breakeven and the others in turn, so many runs of each load; a table for each number of spans a request.

    Args:
        runs: of each load.
        part: of the spans that a run sends.
        tell: takes a line on how far it is.
    """
    targets: list[Target] = [Breakeven(), *(rival() for rival in RIVALS)]
    found: dict[int, dict[str, list[Run]]] = {batch: {target.name: [] for target in targets} for batch in BATCHES}
    names: dict[str, str] = {}
    for target in targets:
        tell(f"installing {target.name}")
        names[target.name] = f"{target.name} {target.prepare()}".strip()
    with Loads(targets) as loads:
        for number in range(runs):
            for batch in BATCHES:
                for target in targets:
                    tell(f"run {number + 1} of {runs}, {batch} spans a request, {target.name}")
                    found[batch][target.name].append(loads.run(target, batch, part))
    return [_table(batch, {names[name]: median(done) for name, done in of.items()}) for batch, of in found.items()]


def sustained(seconds: float, tell: Callable[[str], None]) -> list[Table]:
    """Breakeven alone under one load after the other on one store, 512 spans a request: does it slow down?"""
    target = Breakeven()
    target.is_fresh = False
    done: list[tuple[float, Run]] = []
    began = time.monotonic()
    with Loads([target]) as loads:
        while time.monotonic() - began < seconds:
            tell(f"{time.monotonic() - began:.0f} of {seconds:.0f} s")
            done.append((time.monotonic() - began, loads.run(target, 512, 0.4)))
    held = 0
    rows: list[tuple[str, ...]] = []
    for since, run in done:
        rows.append((f"{since:.0f} s", f"{held:,}", f"{run.landed_s:,.0f}", f"{run.peak_bytes / 1e6:,.0f} MB"))
        held += run.spans
    return [Table("Load after load on one store", ("Since", "Calls before", "Landed/s", "Peak memory"), rows)]


def _table(batch: int, runs: Mapping[str, Run]) -> Table:
    (first, ours), *_ = runs.items()
    rows: list[tuple[str, ...]] = []
    for name, run in runs.items():
        counted = run.landed_s > 0
        ratio = "" if name == first or not counted else f"{ours.landed_s / run.landed_s:.1f}"
        rows.append(
            (
                name,
                f"{run.spans:,}",
                f"{run.acknowledged_s:,.0f}",
                f"{run.landed_s:,.0f}" if counted else "keeps none",
                ratio,
                f"{run.target_cpu_us:,.0f} µs",
                f"{run.generator_cpu_us:,.1f} µs",
                f"{run.peak_bytes / 1e6:,.0f} MB",
            )
        )
    columns = ("", "Spans", "Acknowledged/s", "Landed/s", "Ours is ×", "CPU a span", "of the generator", "Peak memory")
    return Table(f"{batch} {'span' if batch == 1 else 'spans'} a request", columns, rows)


def one(batch: int, runs: int) -> list[Run]:
    """Breakeven alone."""
    with Loads([target := Breakeven()]) as loads:
        return [loads.run(target, batch) for _ in range(runs)]


if __name__ == "__main__":
    # While tuning: python -m bench.landed [BATCH [RUNS]]
    for run in one(int((*sys.argv, "512")[1]), int((*sys.argv, "512", "1")[2])):
        print(run)
