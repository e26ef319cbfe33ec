"""What is measured while spans go through: how long each step takes, and how long until they are dollars.

Kept in memory alone, for one run of the collector; `metrics` and `health` show it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from prometheus_client import Counter, Histogram

from breakeven_collector.errors import StoreError, StoreUnavailable

_STEP_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_WAY_SECONDS: Final = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0)
_MOST_ON_THE_WAY: Final = 10_000
_AHEAD_SECONDS: Final = 60.0
_EARLIEST_END_NS: Final = 1_577_836_800_000_000_000
"""2020: the store takes the time of receipt for spans before."""


@dataclass
class _OnTheWay:
    """A request that is acknowledged and not in the ledger yet."""

    taken: float
    """When it was acknowledged, by the monotonic clock."""
    last_taken: float
    """The same of the last request that is counted together with it."""
    end_ns: int
    """Of its oldest span; 0 where no sensible one is told."""
    spans: int


class Watch:
    """Measures one collector. Safe to use from any thread.

    Attributes:
        insert_seconds: Inserting a segment into the store.
        pass_seconds: A pass of the ledger: prices looked up, minutes made again.
        span_to_ledger_seconds: From the end of a request's oldest span to its dollars.
        receipt_to_ledger_seconds: From acknowledging a request to its dollars.
        ship_errors: Tries to ship that failed, by reason.
        ship_error_count: The same, all together.
        landed_spans: Spans whose dollars are in the ledger.
        ahead_requests: Requests with a span that ends over a minute after it came, by this machine's clock.
        farthest_ahead_seconds: The most by which one did.
        newest_end_ns: End of the newest span that came, Unix nanoseconds, those from the future left out; 0 before any.
    """

    def __init__(self) -> None:
        # Registered by `metrics`, with a registry of each application's own.
        self.insert_seconds = Histogram(
            "breakeven_store_insert_seconds",
            "Time to insert one journal segment into the store.",
            buckets=_STEP_SECONDS,
            registry=None,
        )
        self.pass_seconds = Histogram(
            "breakeven_ledger_pass_seconds",
            "Time of one ledger pass (the rollup): names priced, minutes counted again, features attributed.",
            buckets=_STEP_SECONDS,
            registry=None,
        )
        self.span_to_ledger_seconds = Histogram(
            "breakeven_span_to_ledger_seconds",
            "Time from the end of the oldest span of a request, by the sender's clock, to its dollars in the ledger.",
            buckets=_WAY_SECONDS,
            registry=None,
        )
        self.receipt_to_ledger_seconds = Histogram(
            "breakeven_receipt_to_ledger_seconds",
            "Time from acknowledging a request to its dollars in the ledger.",
            buckets=_WAY_SECONDS,
            registry=None,
        )
        self.ship_errors = Counter(
            "breakeven_ship_errors",
            "Tries to bring segments into the ledger that failed, by reason: unavailable (the store does not answer), "
            "refused (it answers with an error), internal. What is in the journal is tried again.",
            ["reason"],
            registry=None,
        )
        for reason in ("unavailable", "refused", "internal"):
            self.ship_errors.labels(reason)
        self.ship_error_count = 0
        self.landed_spans = 0
        self.ahead_requests = 0
        self.farthest_ahead_seconds = 0.0
        self.newest_end_ns = 0
        self._on_the_way: deque[_OnTheWay] = deque()
        self._lock = threading.Lock()

    def acknowledged(self, spans: int, oldest_end_ns: int, newest_end_ns: int) -> None:
        """A request is safe in the journal.

        Args:
            spans: how many it holds.
            oldest_end_ns: end of its oldest span, Unix nanoseconds; 0 where none is told.
            newest_end_ns: that of its newest.
        """
        now = time.time_ns()
        ahead = (newest_end_ns - now) / 1e9
        end = oldest_end_ns if oldest_end_ns >= _EARLIEST_END_NS else 0
        at = time.monotonic()
        with self._lock:
            if ahead > _AHEAD_SECONDS:
                self.ahead_requests += 1
                self.farthest_ahead_seconds = max(self.farthest_ahead_seconds, ahead)
            else:
                self.newest_end_ns = max(self.newest_end_ns, newest_end_ns)
            if len(self._on_the_way) < _MOST_ON_THE_WAY:
                self._on_the_way.append(_OnTheWay(at, at, end, spans))
            else:
                # The store is away: memory stays flat. They land together.
                self._on_the_way[-1].last_taken = at
                self._on_the_way[-1].spans += spans

    def landed(self, oldest_waiting_seconds: Callable[[], float]) -> None:
        """Segments may have come into the ledger; cheap where none did.

        Args:
            oldest_waiting_seconds: how long ago the oldest segment was begun that still waits; 0 where none does. What
                was acknowledged before that stands in the ledger.
        """
        if not self._on_the_way:
            return
        now, clock_ns = time.monotonic(), time.time_ns()
        before = now - oldest_waiting_seconds()
        done: list[_OnTheWay] = []
        with self._lock:
            while self._on_the_way and self._on_the_way[0].last_taken < before:
                done.append(self._on_the_way.popleft())
            self.landed_spans += sum(request.spans for request in done)
        for request in done:
            self.receipt_to_ledger_seconds.observe(now - request.taken)
            if request.end_ns:
                # By the clocks of two machines a span may end after its dollars are there.
                self.span_to_ledger_seconds.observe(max(0.0, (clock_ns - request.end_ns) / 1e9))

    def ship_failed(self, error: Exception) -> None:
        """A try to ship failed."""
        if isinstance(error, StoreUnavailable):
            reason = "unavailable"
        else:
            reason = "refused" if isinstance(error, StoreError) else "internal"
        self.ship_errors.labels(reason).inc()
        self.ship_error_count += 1
