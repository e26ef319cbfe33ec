"""The ledger: `spend_slices` is kept equal to what `calls` says, minute by minute.

A pass looks again at minutes that got new rows and adds the difference between truth and what is held. It may be done
twice, late, or by two collectors at once: a pass that finds no difference adds nothing, and of two that write at the
same time one wins (`insert_deduplication_token` names the number of the pass) and the other looks again.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from breakeven_schema import query

from breakeven_collector.catalog import NameKey
from breakeven_collector.errors import StoreError
from breakeven_collector.store import Store

Slice = tuple[str, int]
"""Project and start of a minute, Unix seconds."""

_MINUTES_A_STATEMENT = 50_000
_NEAR_SECONDS = 20 * 60
_GAP_SECONDS = 10 * 60
_CALLS_A_STATEMENT = 500_000
_TRIES = 20


class Ledger:
    """Passes over the ledger of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()

    def pass_segments(self, segments: Sequence[str]) -> None:
        """Bring the ledger up to date with the calls that these segments brought."""
        rows = self._store.query_file("segment_slices", {"segments": list(segments)})
        self.pass_slices([(row["project"], row["minute"]) for row in rows])

    def pass_names(self, names: Sequence[NameKey]) -> None:
        """Make the minutes again in which these names occur."""
        if names:
            rows = self._store.rows(
                "SELECT DISTINCT project, toUnixTimestamp(toStartOfMinute(ts)) AS minute FROM calls "
                "WHERE (provider, model, price_context) IN {names:Array(Tuple(String, String, String))}",
                {"names": list(names)},
            )
            self.pass_slices([(row["project"], row["minute"]) for row in rows])

    def pass_slices(self, slices: Iterable[Slice]) -> None:
        """Bring these minutes, and the ones that share calls with them, up to date."""
        with self._lock:
            dirty = set(slices)
            for chunk in self._chunks(dirty):
                related = self._store.query_file("related_slices", _parameters(chunk))
                dirty |= {(row["project"], row["minute"]) for row in related}
            months: dict[int, set[Slice]] = defaultdict(set)
            for project, minute in dirty:
                when = datetime.fromtimestamp(minute, UTC)
                months[when.year * 100 + when.month].add((project, minute))
            for month, of_month in sorted(months.items()):
                for chunk in self._chunks(of_month):
                    self._pass_chunk(month, chunk)

    def _pass_chunk(self, month: int, chunk: Sequence[Slice]) -> None:
        for _ in range(_TRIES):
            number = self._last_pass(month) + 1
            self._store.run(
                query("pass"),
                {**_parameters(chunk), "pass": number},
                {
                    "insert_deduplication_token": f"{month}/{number}",
                    "insert_deduplicate": 1,
                    "deduplicate_blocks_in_dependent_materialized_views": 1,
                    # One block: the token stands for the whole pass. More rows than a block holds cannot come from
                    # _CALLS_A_STATEMENT calls.
                    "max_insert_threads": 1,
                    "min_insert_block_size_rows": 1_048_449,
                    "min_insert_block_size_bytes": 2_000_000_000,
                },
            )
            # Nobody else writes to an embedded store. On a server another collector may have taken the number: then
            # nothing of ours was added, and there is still a difference.
            if self._store.embedded or self._last_pass(month) < number:
                return
        raise StoreError(f"the ledger of {month} changed under {_TRIES} passes in a row; it is tried again later")

    def _last_pass(self, month: int) -> int:
        return int(self._store.rows(query("last_pass"), {"month": month})[0]["max(pass)"])

    def _chunks(self, slices: Iterable[Slice]) -> Iterator[list[Slice]]:
        """Minutes in order of time, so many that one statement can take them and their calls."""
        waiting = sorted(slices, key=lambda s: (s[1], s[0]))
        while waiting:
            chunk = waiting[:_MINUTES_A_STATEMENT]
            total = 0
            for row in self._store.query_file("calls_of_minutes", _parameters(chunk)):
                total += row["calls"]
                if total > _CALLS_A_STATEMENT and row["minute"] > chunk[0][1]:
                    chunk = [s for s in chunk if s[1] < row["minute"]]
                    break
            yield chunk
            waiting = waiting[len(chunk) :]


def _parameters(slices: Sequence[Slice]) -> dict[str, object]:
    # Every project with every minute, and gaps filled: a superset, and looking at a minute once more adds nothing.
    minutes = sorted({s[1] for s in slices})
    return {
        "projects": sorted({s[0] for s in slices}),
        "runs": _runs(minutes, 0),
        "near_runs": _runs(minutes, _NEAR_SECONDS),
    }


def _runs(minutes: Sequence[int], margin: int) -> list[tuple[int, int]]:
    """Sorted minutes as (start, number of minutes), each end moved out by `margin` seconds."""
    runs: list[list[int]] = []
    for minute in minutes:
        start, end = minute - margin, minute + margin + 60
        if runs and start <= runs[-1][1] + _GAP_SECONDS:
            runs[-1][1] = end
        else:
            runs.append([start, end])
    return [(start, (end - start) // 60) for start, end in runs]
