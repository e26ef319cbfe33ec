"""Every query of the report over a ledger that grows, to 100 million calls in 90 days."""

import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from breakeven_collector.origins import build_origins
from breakeven_collector.period import last_days
from breakeven_collector.report import Dimension, build_report
from breakeven_collector.store import Store
from breakeven_schema.query import priced

from bench.ledger import fill, open_ledger, rows
from bench.processes import read
from bench.tables import Table
from bench.targets import Breakeven

STEPS: Final = (1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000)
TARGET_MS: Final = 300
_REPORTS: Final = {
    priced("report", contracts=contracts, minutes=minutes) for contracts in (False, True) for minutes in (False, True)
}
_WARM: Final = 2
_PATIENCE_S: Final = 12
"""A query is asked no more often once it has taken so long in all, but timed once at least."""


@dataclass(frozen=True)
class Timing:
    """One query, warm."""

    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class Step:
    """The ledger at one size."""

    calls: int
    ledger_rows: int
    cube_rows: int
    fill_s: float
    """0: it was filled before."""
    http: Mapping[str, Timing]
    """By address."""
    sql: Mapping[str, Timing]
    """By query file and what was asked."""


def measure_stores(folders: Sequence[Path], rounds: int, progress: Callable[[str], None]) -> list[Step]:
    """Measure on stores that were filled before, the smallest first; they are left. In SQL only on the largest."""
    done: list[Step] = []
    for folder in folders:
        sql: dict[str, Timing] = {}
        with open_ledger(folder) as pipeline:
            (found,) = pipeline.store.rows("SELECT sum(calls) AS n FROM spend_cubes WHERE grain = 'day'")
            calls, held = int(found["n"]), (rows(pipeline.store, "spend_slices"), rows(pipeline.store, "spend_cubes"))
            if folder == folders[-1]:
                progress(f"{calls:,} calls: asking in SQL")
                sql = _in_sql(pipeline.store, rounds)
        progress(f"{calls:,} calls: asking over HTTP")
        done.append(Step(calls, *held, 0, _over_http(folder, rounds), sql))
    return done


def measure(steps: Sequence[int], rounds: int, progress: Callable[[str], None]) -> list[Step]:
    """Fill up to each step and measure there; the store is deleted afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="breakeven-bench-"))
    try:
        done: list[Step] = []
        held = 0
        for calls in steps:
            began = time.perf_counter()
            ledger_rows, cube_rows, sql = _grow(folder, held, calls, rounds, progress)
            filled = time.perf_counter() - began
            progress(f"{calls:,} calls: asking over HTTP")
            done.append(Step(calls, ledger_rows, cube_rows, filled, _over_http(folder, rounds), sql))
            held = calls
        return done
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _grow(
    folder: Path, held: int, calls: int, rounds: int, progress: Callable[[str], None]
) -> tuple[int, int, dict[str, Timing]]:
    written = held

    def count(more: int) -> None:
        nonlocal written
        written += more
        progress(f"{written:,} of {calls:,} calls")

    with open_ledger(folder) as pipeline:
        fill(pipeline.store, calls - held, count)
        progress(f"{calls:,} calls: merging")
        for table in ("spend_slices", "spend_cubes"):
            pipeline.store.run(f"OPTIMIZE TABLE {table} FINAL", settings={"max_execution_time": 0})
        progress(f"{calls:,} calls: asking in SQL")
        sql = _in_sql(pipeline.store, rounds)
        return rows(pipeline.store, "spend_slices"), rows(pipeline.store, "spend_cubes"), sql


def tables_of(steps: Sequence[Step]) -> list[Table]:
    """The largest ledger over HTTP and in SQL, the growth over HTTP, and the size of the ledgers."""
    last = steps[-1]
    heads = [_short(step.calls) for step in steps]
    return [
        Table(
            f"Over HTTP, {last.calls:,} calls",
            ("Request", "p50", "p95", f"Within {TARGET_MS} ms"),
            [(path, *_cells(timing)) for path, timing in last.http.items()],
        ),
        Table(
            f"In SQL, {last.calls:,} calls",
            ("Query", "p50", "p95", f"Within {TARGET_MS} ms"),
            [(name, *_cells(timing)) for name, timing in last.sql.items()],
        ),
        Table(
            "Growth: p95 over HTTP in ms",
            ("Request", *heads),
            [(path, *(f"{step.http[path].p95_ms:,.0f}" for step in steps)) for path in last.http],
        ),
        Table(
            "The ledgers",
            ("", *heads),
            [
                ("rows of the ledger", *(f"{step.ledger_rows:,}" for step in steps)),
                ("rows of the cubes", *(f"{step.cube_rows:,}" for step in steps)),
                ("filled and asked in", *(f"{step.fill_s:,.0f} s" if step.fill_s else "before" for step in steps)),
            ],
        ),
    ]


def _cells(timing: Timing) -> tuple[str, str, str]:
    return (
        f"{timing.p50_ms:,.0f} ms",
        f"{timing.p95_ms:,.0f} ms",
        "yes" if timing.p95_ms <= TARGET_MS else f"no, {timing.p95_ms / TARGET_MS:.1f} ×",
    )


def _short(calls: int) -> str:
    return f"{calls // 1_000_000} M" if calls >= 1_000_000 else f"{calls:,}"


def addresses(now: datetime) -> list[str]:
    """What a reader asks for: each dimension, days and months of a zone, longer and shorter stretches."""
    month = (now.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    first, last = (now - timedelta(days=20)).date(), (now - timedelta(days=8)).date()
    return [
        *(f"/api/report?days=30&by={dimension}" for dimension in Dimension),
        *(f"/api/report?days=30&by={by}&timezone=Europe/Berlin" for by in ("feature", "tenant", "user", "day")),
        "/api/report?days=30&by=day&timezone=Asia/Kolkata",
        f"/api/report?month={month}&by=feature",
        f"/api/report?month={month}&by=tenant",
        f"/api/report?from={first}&to={last}&by=model",
        "/api/report?days=7&by=feature",
        "/api/report?days=45&by=feature",
        "/api/report?days=45&by=month",
        "/api/origins?days=30",
        # The page: overview and one feature, each with all that stands on it.
        *(f"/api/series?days=30&by={by}" for by in ("feature", "tenant", "model")),
        "/?days=30",
        "/feature?feature=feature-00&days=30",
        "/setup",
    ]


def _over_http(folder: Path, rounds: int) -> dict[str, Timing]:
    target = Breakeven()
    target.start(folder, data=folder)
    try:
        asked = addresses(datetime.now(UTC))
        # What a collector does when it starts, verdicts among it, is over after a round.
        for path in asked:
            read(target.url + path)
        return {path: _timing(lambda path=path: read(target.url + path), rounds) for path in asked}
    finally:
        target.stop()


def _in_sql(store: Store, rounds: int) -> dict[str, Timing]:
    now, timed = datetime.now(UTC), _Timed(store)
    berlin = last_days(30, now, "Europe/Berlin")
    asked: dict[str, Callable[[], object]] = {
        **{f"by {by}": lambda by=by: build_report(timed, by=by) for by in Dimension},
        **{
            f"by {by}, Europe/Berlin": lambda by=by: build_report(timed, by=by, period=berlin)
            for by in (Dimension.FEATURE, Dimension.TENANT, Dimension.USER, Dimension.DAY)
        },
        "30 days": lambda: build_origins(timed),
    }
    for timed.asking, work in asked.items():
        _timing(work, rounds)
    return timed.timings()


class _Timed(Store):
    """The store's queries by file, each timed under what is being asked."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.dsn)
        self._store = store
        self.asking = ""
        self._taken: defaultdict[str, list[float]] = defaultdict(list)

    def query_file(self, name: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        began = time.perf_counter()
        found = self._store.query_file(name, parameters)
        self._taken[f"{name}, {self.asking}"].append((time.perf_counter() - began) * 1000)
        return found

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        if sql not in _REPORTS:
            return self._store.rows(sql, parameters)
        began = time.perf_counter()
        found = self._store.rows(sql, parameters)
        totals = ", totals" if (parameters or {}).get("dimension") == "project" else ""
        self._taken[f"report, {self.asking}{totals}"].append((time.perf_counter() - began) * 1000)
        return found

    def timings(self) -> dict[str, Timing]:
        """Without the first rounds."""
        return {name: _summary(taken[_WARM:] or taken) for name, taken in self._taken.items()}


def _timing(work: Callable[[], object], rounds: int) -> Timing:
    taken: list[float] = []
    for asked in range(_WARM + rounds):
        if asked > _WARM and sum(taken) > _PATIENCE_S * 1000:
            break
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return _summary(taken[_WARM:])


def _summary(taken: Sequence[float]) -> Timing:
    return Timing(statistics.median(taken), sorted(taken)[min(len(taken) - 1, int(len(taken) * 0.95))])
