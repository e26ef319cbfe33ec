"""What a collector tells of itself through SQL: a row of `collector_health` a minute, for dashboards and alerts."""

import logging
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from breakeven_collector.gate import Gate
from breakeven_collector.journal import Journal
from breakeven_collector.received import Received
from breakeven_collector.set_aside import look
from breakeven_collector.ship import Shipper
from breakeven_collector.store import Store
from breakeven_collector.version import program_version
from breakeven_collector.watch import Watch

_log = logging.getLogger(__name__)

_EVERY_SECONDS: Final = 60.0


class HealthLog:
    """Appends to `collector_health`, in a thread of its own once started: shipping may be what is held up.

    Args:
        store: an open store.
        collector: names this collector among those of the store.
        received: what came.
        journal: what waits.
        shipper: what lands.
        watch: what is measured on the way.
        quarantine: folder of requests that were set aside.
        gate: of those who change the store.
        seconds: between two rows.
    """

    def __init__(
        self,
        store: Store,
        *,
        collector: str,
        received: Received,
        journal: Journal,
        shipper: Shipper,
        watch: Watch,
        quarantine: Path,
        gate: Gate,
        seconds: float = _EVERY_SECONDS,
    ) -> None:
        self._store = store
        self._collector = collector
        self._received = received
        self._journal = journal
        self._shipper = shipper
        self._watch = watch
        self._quarantine = quarantine
        self._gate = gate
        self._seconds = seconds
        self._started = datetime.now(UTC)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="breakeven-health", daemon=True)

    def start(self) -> None:
        """Write a row after each interval, from now on; one that the store does not take is left out."""
        self._thread.start()

    def close(self, timeout: float = 5.0) -> None:
        """Write no more."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def write(self, now: datetime) -> None:
        """Append how things stand.

        Args:
            now: the present, UTC.

        Raises:
            StoreUnavailable, StoreError: see there.
        """
        received = self._received
        row = {
            "collector": self._collector,
            "at": now,
            "started_at": self._started,
            "version": program_version(),
            "lag_seconds": self._journal.oldest_waiting_seconds,
            "journal_bytes": self._journal.waiting_bytes,
            "journal_limit_bytes": self._journal.max_bytes,
            "received": received.spans,
            "landed": self._watch.landed_spans,
            "rejected": received.rejected_spans,
            "refused": received.refused_requests,
            "unkept": received.unkept_requests,
            "ship_errors": self._watch.ship_error_count,
            "held_up": bool(self._shipper.last_error),
            "quarantined": look(self._quarantine).requests,
        }
        self._store.insert("collector_health", row.keys(), [tuple(row.values())])

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            try:
                with self._gate.together():
                    self.write(datetime.now(UTC))
            except Exception as error:  # noqa: BLE001  # a minute that is missing tells the same
                _log.debug("how the collector stands cannot be written: %s", error)


def collector_name(port: int) -> str:
    """A name for the collector that listens on this port of this machine."""
    return f"{socket.gethostname()}:{port}"
