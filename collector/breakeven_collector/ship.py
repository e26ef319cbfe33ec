"""From the journal into the store: closed segments are inserted, then a pass of the ledger, then they are deleted.

Two threads insert, one passes: a pass costs what the minutes hold that it looks at, however few of their calls are new,
so under load it takes up at once what several inserts brought.

Every step may be done again, in any order: the insert by the identity of each call (the token only saves the work), the
pass because it adds only a difference. So whatever is interrupted is simply repeated on the next start.
"""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence, Sized
from typing import Final

from breakeven_collector.attribution import Attribution
from breakeven_collector.catalog import Catalog
from breakeven_collector.errors import StoreError
from breakeven_collector.estimates import Estimates
from breakeven_collector.gate import Gate
from breakeven_collector.journal import Journal, Segment
from breakeven_collector.landing import Landing
from breakeven_collector.ledger import Ledger
from breakeven_collector.logs import cause_of
from breakeven_collector.quarantine import Quarantine
from breakeven_collector.store import Store
from breakeven_collector.watch import Watch

_log = logging.getLogger(__name__)

_INSERTING_THREADS: Final = 2
_BYTES_AT_ONCE: Final = 24_000_000
"""Of one insert, which takes 5 to 12 times that in memory. Fewer and larger are faster: planning one takes 0.2 s."""
_SHARE_OF_PASSES: Final = 1 / 6
"""Of one core's time while more segments wait; passes go on without a pause once none does."""
_SHORT_PASS_SECONDS: Final = 1.0
_LONGEST_WAIT_SECONDS: Final = 30.0


class Shipper:
    """Ships segments in threads of its own."""

    def __init__(
        self,
        journal: Journal,
        store: Store,
        catalog: Catalog,
        ledger: Ledger,
        estimates: Estimates,
        attribution: Attribution,
        quarantine: Quarantine,
        watch: Watch,
        gate: Gate,
    ) -> None:
        self._journal = journal
        self._catalog = catalog
        self._ledger = ledger
        self._estimates = estimates
        self._attribution = attribution
        self._quarantine = quarantine
        self._watch = watch
        self._gate = gate
        self._stop = threading.Event()
        self._landing = Landing(store, quarantine, self._stop)
        self._landed: deque[Segment] = deque()
        self._some_landed = threading.Event()
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        self._errors: dict[str, str] = {}
        self.shipped_segments = 0
        """Segments that landed since the start."""
        self._threads = [
            *(
                threading.Thread(target=self._insert_all, name=f"breakeven-insert-{number}", daemon=True)
                for number in range(1, _INSERTING_THREADS + 1)
            ),
            threading.Thread(target=self._pass_all, name="breakeven-pass", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def quarantined_requests(self) -> int:
        """Requests set aside since the start."""
        return self._quarantine.requests

    @property
    def last_error(self) -> str:
        """Why shipping is held up; empty while it is not."""
        with self._lock:
            return next(iter(self._errors.values()), "")

    def idle(self) -> bool:
        """Nothing is being shipped or waits to be."""
        with self._lock:
            return not self._busy and self._journal.closed.empty() and not self._landed

    def close(self, timeout: float = 30.0) -> None:
        """Ship what is closed, then stop; what the store does not take stays in the journal."""
        deadline = time.monotonic() + timeout
        # A segment may be on its way from a queue to a thread: the journal knows of it until it has landed.
        while (self._journal.waiting() or not self.idle()) and not self.last_error and time.monotonic() < deadline:
            time.sleep(0.02)
        self._stop.set()
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))

    # ------------------------------------------------------------------------------------------ the inserting threads

    def _insert_all(self) -> None:
        while not self._stop.is_set():
            try:
                first = self._journal.closed.get(timeout=0.1)
            except queue.Empty:
                continue
            with _Busy(self._busy, self._lock):
                segments = self._with_more(first)
                self._until_done(lambda segments=segments: self._land(segments), segments)

    def _land(self, segments: Sequence[Segment]) -> None:
        with self._watch.insert_seconds.time():
            self._landing.land(segments)
        self._landed.extend(segments)
        self._some_landed.set()

    def _with_more(self, first: Segment) -> list[Segment]:
        """What is inserted in one go: what waits, up to a limit."""
        segments, size = [first], first.size
        while size < _BYTES_AT_ONCE:
            try:
                segments.append(self._journal.closed.get_nowait())
            except queue.Empty:
                break
            size += segments[-1].size
        return segments

    # ------------------------------------------------------------------------------------------ the passing thread

    def _pass_all(self) -> None:
        while not self._stop.is_set():
            if not self._some_landed.wait(0.1):
                with self._gate.together():
                    self._between()
                    self._attribution.keep_up()
                self._watch.landed(lambda: self._journal.oldest_waiting_seconds)
                continue
            with _Busy(self._busy, self._lock):
                self._some_landed.clear()
                began = time.monotonic()
                if self._until_done(self.pass_landed, self._landed):
                    with self._gate.together():
                        self._between()
                    self._pause(time.monotonic() - began)

    def pass_landed(self) -> None:
        """Bring up to date what is made of the calls that landed; then their segments may go. From inside the gate."""
        segments = list(self._landed)
        if not segments:
            return
        names = [segment.name for segment in segments]
        with self._watch.pass_seconds.time():
            self._catalog.resolve_new()
            self._ledger.pass_segments(names)
            self._attribution.keep_up(names)
        for segment in segments:
            self._journal.shipped(segment)
            # Others are added behind them meanwhile; taken away they are only here, and one at a time.
            self._landed.popleft()
        self.shipped_segments += len(segments)
        self._estimates.calls_came()
        self._watch.landed(lambda: self._journal.oldest_waiting_seconds)

    def _pause(self, took: float) -> None:
        """While more is being inserted, passes take their share of the time and no more."""
        if took < _SHORT_PASS_SECONDS:
            # Most of it was planning: dollars sooner are worth more than the little that is saved.
            return
        until = time.monotonic() + took * (1 / _SHARE_OF_PASSES - 1)
        while self._more_comes() and time.monotonic() < until and not self._stop.wait(0.05):
            pass

    def _more_comes(self) -> bool:
        with self._lock:
            return not self._journal.closed.empty() or len(self._busy) > 1

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

    # ------------------------------------------------------------------------------------------ both

    def _until_done(self, work: Callable[[], None], segments: Sized) -> bool:
        """Try until it is done; False if the collector stops before."""
        me = threading.current_thread().name
        wait = 0.5
        while not self._stop.is_set():
            try:
                with self._gate.together():
                    work()
            except Exception as error:  # noqa: BLE001  # a thread that dies would hold up everything after it
                with self._lock:
                    self._errors[me] = str(error)
                self._watch.ship_failed(error)
                _log.log(
                    logging.WARNING if isinstance(error, StoreError) else logging.ERROR,
                    "%d segments wait in the journal, next try in %.0f s: %s",
                    len(segments),
                    wait,
                    error,
                    exc_info=not isinstance(error, StoreError),
                    extra={
                        "cause": cause_of(error),
                        "segments": len(segments),
                        "next_try_seconds": wait,
                        "lag_seconds": round(self._journal.oldest_waiting_seconds, 1),
                    },
                )
                self._stop.wait(wait)
                wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
            else:
                with self._lock:
                    was_held_up = self._errors.pop(me, None)
                if was_held_up:
                    _log.warning("shipping goes on", extra={"segments": len(segments)})
                return True
        return False


class _Busy:
    """While it is entered, this thread is at work."""

    def __init__(self, busy: set[str], lock: threading.Lock) -> None:
        self._busy = busy
        self._lock = lock

    def __enter__(self) -> None:
        with self._lock:
            self._busy.add(threading.current_thread().name)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._busy.discard(threading.current_thread().name)
