"""What the store says of itself, asked now and then in the background: who looks never waits for the store."""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from datetime import time as midnight
from decimal import Decimal
from typing import Any, Final

from breakeven_collector.errors import StoreError
from breakeven_collector.store import Store

_log = logging.getLogger(__name__)

_HANGS_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Told:
    """What the store said when it last answered."""

    at: float
    """Unix seconds."""
    calls: int
    """Calls of yesterday and today (UTC), all projects."""
    unpriced: Mapping[str, int] = field(default_factory=dict[str, int])
    """Of these, calls whose dollars are not all known, by reason."""
    price_book: str | None = None
    """Version of the book that prices."""
    newest_price: date | None = None
    """Latest day that it gives a price; None where it gives none a day."""

    @property
    def newest_price_at(self) -> float | None:
        """The same in Unix seconds."""
        day = self.newest_price
        return day and datetime.combine(day, midnight(), UTC).timestamp()


class Probe:
    """Asks the store two small questions, at most once in `seconds`, and only while somebody looks."""

    def __init__(self, store: Store, *, seconds: float = 60.0) -> None:
        self._store = store
        self._seconds = seconds
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._asked = threading.Event()
        self._stopping = False
        self._began = 0.0
        self._ended = 0.0
        self._last: Told | None = None
        self._error = ""

    def last(self) -> Told | None:
        """What the store said last; None before it did. Returns at once: what is too old is asked anew behind it."""
        now = time.monotonic()
        with self._lock:
            running = self._began > self._ended
            if not running and not self._stopping and (not self._ended or now - self._ended >= self._seconds):
                self._began = now
                # One thread for good: the engine does not give back all of what a new one takes.
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="breakeven-probe", daemon=True)
                    self._thread.start()
                self._asked.set()
            return self._last

    def store_error(self) -> str | None:
        """Why the store did not answer when it was asked last; empty: it did; None: it was not asked yet."""
        with self._lock:
            if self._began > self._ended and time.monotonic() - self._began > _HANGS_SECONDS:
                return f"no answer for {time.monotonic() - self._began:.0f} s"
            return self._error if self._ended else None

    def close(self, timeout: float = 5.0) -> None:
        """Ask no more."""
        with self._lock:
            self._stopping = True
            thread = self._thread
        self._asked.set()
        if thread is not None:
            thread.join(timeout)

    def _run(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            if self._stopping:
                return
            told, error = self._last, ""
            try:
                told = _ask(self._store)
            except StoreError as failure:
                error = str(failure)
            except Exception as failure:  # noqa: BLE001  # a figure less must not end the thread
                error = type(failure).__name__
                _log.exception("the store could not be asked for its figures")
            with self._lock:
                self._last, self._error, self._ended = told, error, time.monotonic()


def _ask(store: Store) -> Told:
    rows: list[dict[str, Any]] = store.query_file("watch", {"now": int(time.time())})
    counts = {str(row["reason"]): int(Decimal(row["calls"])) for row in rows}
    book = next(iter(store.query_file("book_age")), {"book_version": None, "newest_price": None})
    return Told(
        at=time.time(),
        calls=sum(counts.values()),
        unpriced={reason: calls for reason, calls in counts.items() if reason},
        price_book=book["book_version"],
        newest_price=book["newest_price"],
    )
