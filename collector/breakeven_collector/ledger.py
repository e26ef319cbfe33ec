"""The ledger: `spend_slices` is kept equal to what `calls` says, minute by minute.

A pass looks again at minutes that got new rows and adds the difference between truth and what is held. It may be done
twice, late, or by two collectors at once: a pass that finds no difference adds nothing, and of two that write at the
same time one wins (`insert_deduplication_token` names the number of the pass) and the other looks again.

Minutes that are sealed have lost calls, or may lose them: they are left as they are, and what came too late for them is
brought into the ledger by a pass of its own, over `late_calls`.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from breakeven_schema import query

from breakeven_collector import seals
from breakeven_collector.catalog import NameKey
from breakeven_collector.errors import StoreError
from breakeven_collector.store import Store

_log = logging.getLogger(__name__)

Slice = tuple[str, int]
"""Project and start of a minute, Unix seconds."""

_NEAR_SECONDS = int(seals.NEAR.total_seconds())
_GAP_SECONDS = 30 * 60
_RUNS_A_MONTH = 6
_CALLS_A_STATEMENT = 1_000_000
_TRIES = 20


@dataclass(frozen=True)
class Span:
    """A stretch of whole minutes of one month, in some projects."""

    projects: list[str]
    month: int
    start: int
    """First minute, Unix seconds."""
    end: int
    """After the last minute."""
    late: bool = False
    """It is about calls that came after the minutes were sealed."""

    def parameters(self) -> dict[str, object]:
        """As the queries take it."""
        return {
            "projects": self.projects,
            "from": self.start,
            "to": self.end,
            "near_from": self.start - _NEAR_SECONDS,
            "near_to": self.end + _NEAR_SECONDS,
            "calls": "late_calls" if self.late else "calls",
            "links": "late_links" if self.late else "span_links",
        }


class Ledger:
    """Passes over the ledger of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.lock = threading.RLock()
        """Held during a pass: who holds it sees a ledger that nobody here changes."""

    def pass_segments(self, segments: Sequence[str]) -> None:
        """Bring the ledger up to date with the calls that these segments brought."""
        rows = self._store.query_file("segment_slices", {"segments": list(segments)})
        self.pass_slices([(row["project"], row["minute"]) for row in rows])

    def pass_names(self, names: Sequence[NameKey]) -> None:
        """Make the minutes again in which these names occur."""
        if names:
            rows = self._store.rows(
                "SELECT DISTINCT project, toUnixTimestamp(toStartOfMinute(ts)) AS minute FROM "
                "(SELECT project, ts, provider, model, price_context FROM calls "
                "UNION ALL SELECT project, ts, provider, model, price_context FROM late_calls) "
                "WHERE (provider, model, price_context) IN {names:Array(Tuple(String, String, String))}",
                {"names": list(names)},
            )
            self.pass_slices([(row["project"], row["minute"]) for row in rows])

    def pass_slices(self, slices: Iterable[Slice]) -> None:
        """Bring these minutes, and the ones that share calls with them, up to date."""
        with self.lock:
            dirty = set(slices)
            sealed = seals.read(self._store)
            first = sealed.first_minute
            self._pass({piece for piece in dirty if piece[1] >= first}, first, late=False)
            before = sealed.announced.timestamp()
            self._pass(self._of_late_calls({piece for piece in dirty if piece[1] < before}), 0, late=True)

    def _pass(self, dirty: set[Slice], first: int, *, late: bool) -> None:
        for span in self._spans(dirty, late=late):
            related = self._store.query_file("related_slices", span.parameters())
            dirty |= {(row["project"], row["minute"]) for row in related if row["minute"] >= first}
        for span in self._spans(dirty, late=late):
            self._pass_span(span)

    def _of_late_calls(self, sealed: set[Slice]) -> set[Slice]:
        """Those of the minutes that have late calls or links."""
        if not sealed:
            return set()
        rows = self._store.rows(
            "SELECT DISTINCT project, toUnixTimestamp(toStartOfMinute(ts)) AS minute FROM late_spans "
            "WHERE project IN {projects:Array(String)} AND toStartOfMinute(ts) >= toDateTime({from:UInt32}, 'UTC') "
            "AND toStartOfMinute(ts) <= toDateTime({to:UInt32}, 'UTC')",
            {
                "projects": sorted({project for project, _ in sealed}),
                "from": min(minute for _, minute in sealed),
                "to": max(minute for _, minute in sealed),
            },
        )
        return sealed & {(row["project"], row["minute"]) for row in rows}

    def _pass_span(self, span: Span) -> None:
        month = span.month
        for _ in range(_TRIES):
            number = self.next_pass(month)
            self._store.run(
                query("pass"),
                {**span.parameters(), "late": span.late, "pass": number},
                as_one_block(f"{month}/{number}"),
            )
            # Nobody else writes to an embedded store. On a server another collector may have taken the number: then
            # nothing of ours was added, and there is still a difference.
            if self._store.embedded or self.next_pass(month) <= number:
                return
        raise StoreError(f"the ledger of {month} changed under {_TRIES} passes in a row; it is tried again later")

    def next_pass(self, month: int) -> int:
        """Number for the next pass over a month; mends the cubes first if they did not get the last one."""
        passes = {row["holder"]: int(row["pass"]) for row in self._store.query_file("last_passes", {"month": month})}
        number = max(passes.values()) + 1
        if len(set(passes.values())) > 1:
            _log.warning("the cubes of %d do not hold what the ledger holds; mending them", month)
            self._store.run(query("mend_cubes"), {"month": month}, as_one_block(f"mend/{month}/{number}"))
        return number

    def _spans(self, slices: Iterable[Slice], *, late: bool) -> Iterator[Span]:
        """Stretches of time that hold all the minutes, each one statement's work: of one month, not too many calls."""
        by_month: dict[int, list[Slice]] = defaultdict(list)
        for piece in slices:
            by_month[_month(piece[1])].append(piece)
        for month, of_month in sorted(by_month.items()):
            # One statement costs a few tenths of a second before it reads anything: rather a few long stretches than
            # many short ones. What lies between is looked at once more, which adds nothing.
            gap = _GAP_SECONDS
            while len(runs := _runs(sorted({minute for _, minute in of_month}), gap)) > _RUNS_A_MONTH:
                gap *= 2
            projects = sorted({project for project, _ in of_month})
            for start, end in runs:
                yield from self._cut(Span(projects, month, start, end, late))

    def _cut(self, span: Span) -> Iterator[Span]:
        start, calls = span.start, 0
        for row in self._store.query_file("calls_of_minutes", span.parameters()):
            if calls + row["calls"] > _CALLS_A_STATEMENT and row["minute"] > start:
                yield replace(span, start=start, end=row["minute"])
                start, calls = row["minute"], 0
            calls += row["calls"]
        yield replace(span, start=start)


def as_one_block(token: str) -> dict[str, object]:
    """Settings under which an insert writes one block, and the same token again nothing."""
    return {
        "insert_deduplication_token": token,
        "insert_deduplicate": 1,
        "deduplicate_blocks_in_dependent_materialized_views": 1,
        # The rows are grouped by their key already; parts merge soon enough. A quarter of a pass's time.
        "optimize_on_insert": 0,
        # The token stands for the whole pass. More rows than a block holds cannot come from _CALLS_A_STATEMENT calls.
        "max_insert_threads": 1,
        "min_insert_block_size_rows": 1_048_449,
        "min_insert_block_size_bytes": 2_000_000_000,
    }


def _month(minute: int) -> int:
    when = datetime.fromtimestamp(minute, UTC)
    return when.year * 100 + when.month


def _runs(minutes: Sequence[int], gap: int) -> list[tuple[int, int]]:
    """Sorted minutes as stretches (start, end), those joined that lie no more than `gap` seconds apart."""
    runs: list[tuple[int, int]] = []
    for minute in minutes:
        if runs and minute <= runs[-1][1] + gap:
            runs[-1] = (runs[-1][0], minute + 60)
        else:
            runs.append((minute, minute + 60))
    return runs
