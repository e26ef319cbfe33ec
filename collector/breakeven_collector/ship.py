"""From the journal into the store: a closed segment is one insert, then one pass of the ledger, then it is deleted.

Every step may be done again: the insert by the segment's name, which the store remembers, and by the identity of each
call; the pass because it adds only a difference. So whatever is interrupted is simply repeated on the next start.
"""

import logging
import queue
import threading
import time
from collections.abc import Sequence
from typing import Final

from breakeven_collector.attribution import Attribution
from breakeven_collector.catalog import Catalog
from breakeven_collector.errors import StoreError
from breakeven_collector.estimates import Estimates
from breakeven_collector.journal import Journal, Segment
from breakeven_collector.landing import Landing
from breakeven_collector.ledger import Ledger
from breakeven_collector.quarantine import Quarantine
from breakeven_collector.store import Store

_log = logging.getLogger(__name__)

_AT_ONCE: Final = 64
_BYTES_AT_ONCE: Final = 64_000_000
"""After a long outage files go as they land: a stop in the middle repeats no more than this."""
_LONGEST_WAIT_SECONDS: Final = 30.0


class Shipper:
    """Ships segments in a thread of its own."""

    def __init__(
        self,
        journal: Journal,
        store: Store,
        catalog: Catalog,
        ledger: Ledger,
        estimates: Estimates,
        attribution: Attribution,
        quarantine: Quarantine,
    ) -> None:
        self._journal = journal
        self._catalog = catalog
        self._ledger = ledger
        self._estimates = estimates
        self._attribution = attribution
        self._quarantine = quarantine
        self._stop = threading.Event()
        self._landing = Landing(store, quarantine, self._stop)
        self._busy = threading.Event()
        self.shipped_segments = 0
        """Segments that landed since the start."""
        self.last_error = ""
        """Why shipping is held up; empty while it is not."""
        self._thread = threading.Thread(target=self._run, name="breakeven-ship", daemon=True)
        self._thread.start()

    @property
    def quarantined_requests(self) -> int:
        """Requests set aside since the start."""
        return self._quarantine.requests

    def idle(self) -> bool:
        """Nothing is being shipped or waits to be."""
        return self._journal.closed.empty() and not self._busy.is_set()

    def close(self, timeout: float = 30.0) -> None:
        """Ship what is closed, then stop; what the store does not take stays in the journal."""
        deadline = time.monotonic() + timeout
        # A segment may be on its way from the queue to the thread: the journal knows of it until it has landed.
        while (self._journal.waiting() or not self.idle()) and not self.last_error and time.monotonic() < deadline:
            time.sleep(0.02)
        self._stop.set()
        self._thread.join(max(0.1, deadline - time.monotonic()))

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                first = self._journal.closed.get(timeout=0.1)
            except queue.Empty:
                self._between()
                self._attribution.keep_up()
                continue
            self._busy.set()
            self._ship_until_done(self._with_more(first))
            self._busy.clear()

    def _with_more(self, first: Segment) -> list[Segment]:
        """What is shipped in one go: what waits, up to a limit."""
        segments, size = [first], first.size
        while len(segments) < _AT_ONCE and size < _BYTES_AT_ONCE and not self._journal.closed.empty():
            segments.append(self._journal.closed.get())
            size += segments[-1].size
        return segments

    def _between(self) -> None:
        """What can wait while segments come in."""
        try:
            self._quarantine.expire_if_due()
        except OSError as error:
            _log.warning("what was set aside cannot be looked through: %s", error)
        try:
            self._estimates.learn_if_due()
        except Exception as error:  # noqa: BLE001  # nothing is held up by it: the next time is in a moment
            _log.warning("nothing is learned about missing usage now: %s", error)
            self._stop.wait(1.0)

    def _ship_until_done(self, segments: Sequence[Segment]) -> None:
        wait = 0.5
        while not self._stop.is_set():
            try:
                self._ship(segments)
            except Exception as error:  # noqa: BLE001  # a thread that dies would hold up everything after it
                self.last_error = str(error)
                _log.log(
                    logging.WARNING if isinstance(error, StoreError) else logging.ERROR,
                    "%d segments wait in the journal, next try in %.0f s: %s",
                    len(segments),
                    wait,
                    error,
                    exc_info=not isinstance(error, StoreError),
                )
                self._stop.wait(wait)
                wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
            else:
                self.last_error = ""
                self.shipped_segments += len(segments)
                return

    def _ship(self, segments: Sequence[Segment]) -> None:
        for segment in segments:
            self._landing.land(segment)
        self._pass(segments)
        for segment in segments:
            self._journal.shipped(segment)
        self._estimates.calls_came()
        self._between()

    def _pass(self, segments: Sequence[Segment]) -> None:
        """Bring up to date what is made of the calls that these segments brought."""
        self._catalog.resolve_new()
        names = [segment.name for segment in segments]
        self._ledger.pass_segments(names)
        self._attribution.keep_up(names)
