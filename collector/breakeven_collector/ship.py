"""From the journal into the store: a closed segment is one insert, then one pass of the ledger, then it is deleted.

Every step may be done again: the insert by the segment's name, which the store remembers, and by the identity of each
call; the pass because it adds only a difference. So whatever is interrupted is simply repeated on the next start.
"""

import logging
import queue
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from breakeven_collector.attribution import Attribution
from breakeven_collector.catalog import Catalog
from breakeven_collector.errors import StoreError, StoreUnavailable
from breakeven_collector.estimates import Estimates
from breakeven_collector.gate import Gate
from breakeven_collector.journal import Journal, Segment, rewritten
from breakeven_collector.ledger import Ledger
from breakeven_collector.store import Store

_log = logging.getLogger(__name__)

_AT_ONCE: Final = 64
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
        quarantine: Path,
        gate: Gate,
    ) -> None:
        self._journal = journal
        self._store = store
        self._catalog = catalog
        self._ledger = ledger
        self._estimates = estimates
        self._attribution = attribution
        self._quarantine = quarantine
        self._gate = gate
        self._stop = threading.Event()
        self._busy = threading.Event()
        self.shipped_segments = 0
        """Segments that landed since the start."""
        self.quarantined_requests = 0
        """Requests set aside since the start."""
        self.last_error = ""
        """Why shipping is held up; empty while it is not."""
        self._thread = threading.Thread(target=self._run, name="breakeven-ship", daemon=True)
        self._thread.start()

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
                with self._gate.together():
                    self._between()
                    self._attribution.keep_up()
                continue
            self._busy.set()
            segments = [first]
            while len(segments) < _AT_ONCE and not self._journal.closed.empty():
                segments.append(self._journal.closed.get())
            self._ship_until_done(segments)
            self._busy.clear()

    def _between(self) -> None:
        """What can wait while segments come in."""
        try:
            self._estimates.learn_if_due()
        except Exception as error:  # noqa: BLE001  # nothing is held up by it: the next time is in a moment
            _log.warning("nothing is learned about missing usage now: %s", error)
            self._stop.wait(1.0)

    def _ship_until_done(self, segments: Sequence[Segment]) -> None:
        wait = 0.5
        while not self._stop.is_set():
            try:
                with self._gate.together():
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
            try:
                self._store.insert_requests(segment.read(), token=segment.name)
            except StoreUnavailable:
                raise
            except StoreError as error:
                self._ship_singly(segment, error)
        self._catalog.resolve_new()
        names = [segment.name for segment in segments]
        self._ledger.pass_segments(names)
        self._attribution.keep_up(names)
        for segment in segments:
            self._journal.shipped(segment)
        self._estimates.calls_came()
        self._between()

    def _ship_singly(self, segment: Segment, refusal: StoreError) -> None:
        """The store refuses the segment: find the requests that it refuses, and land all others."""
        _log.warning("segment %s is refused, its requests are tried singly: %s", segment.name, refusal)
        for number, record in enumerate(segment.records()):
            token = f"{segment.name}/{number}"
            try:
                self._store.insert_requests(record, token=token)
                continue
            except StoreUnavailable:
                raise
            except StoreError as error:
                reason = str(error)
            # protobuf's own reader forgives more than ClickHouse's: what it writes anew is regular.
            try:
                regular = rewritten(record, _regular)
                self._store.insert_requests(regular, token=token)
            except StoreUnavailable:
                raise
            except (StoreError, DecodeError):
                self._set_aside(record, token, reason)

    def _set_aside(self, record: bytes, token: str, reason: str) -> None:
        self._quarantine.mkdir(parents=True, exist_ok=True)
        path = self._quarantine / (token.replace("/", "-") + ".pb")
        # A segment that is tried again later sets the same request aside again.
        self.quarantined_requests += not path.exists()
        path.write_bytes(record)
        path.with_suffix(".txt").write_text(reason + "\n", encoding="utf-8")
        _log.error("request %s cannot be stored and was set aside in %s", token, path)


def _regular(request: bytes) -> bytes:
    message = ExportTraceServiceRequest.FromString(request)
    message.DiscardUnknownFields()  # pyright: ignore[reportUnknownMemberType]
    return message.SerializeToString()
