"""Lets calls and ledger go after the days that are set; without a setting nothing ever goes.

First the minutes are sealed (see `seals`), at least a day before; then their calls are deleted, whole months as
partitions, days of the month that the boundary lies in by a mutation. Nothing here is a TTL: a TTL goes by the server's
clock alone, and would take calls whose minutes nobody has sealed. The ledger goes by whole months.
"""

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from breakeven_collector import seals
from breakeven_collector.gate import Gate
from breakeven_collector.store import Store

_log = logging.getLogger(__name__)

_OF_CALLS: Final = ("calls", "span_links")
"""Tables that are kept as long as calls, by the column ts."""
_OF_LEDGER: Final = (("late_spans", "ts"), ("spend_slices", "slice"), ("spend_cubes", "at"))
"""Tables that are kept as long as the ledger; a pass that comes in between must find late calls gone first."""
_SEALED_AHEAD: Final = timedelta(days=2)
_SEEN_BY_ALL: Final = timedelta(hours=1)
"""By then every collector's inserts and passes know of a row of `seals`, and what began before is over."""
_OTHERS_SHIP: Final = timedelta(days=1)
"""Other collectors of a server have shipped by then what they took before."""
_CHECK_SECONDS: Final = 600.0


class Retention:
    """Seals minutes and deletes what is over its time; in a thread of its own once started.

    Args:
        store: an open store.
        journal: folder of this collector's journal: minutes are sealed only when nothing older waits in it.
        calls_days: how long calls are kept; None: for ever, and nothing is ever sealed.
        ledger_days: how long the ledger is kept, no shorter than calls; None: for ever.
        gate: of those who change the store.
    """

    def __init__(
        self,
        store: Store,
        journal: Path,
        *,
        calls_days: int | None,
        ledger_days: int | None,
        gate: Gate | None = None,
    ) -> None:
        self._store = store
        self._journal = journal
        self._calls_days = calls_days
        self._ledger_days = ledger_days
        self._gate = gate or Gate()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look every ten minutes, from now on, whether something is over its time."""
        if self._calls_days is not None:
            self._thread = threading.Thread(target=self._run, name="breakeven-retention", daemon=True)
            self._thread.start()

    def close(self, timeout: float = 30.0) -> None:
        """Stop; a deletion that runs goes on in the store."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._gate.together():
                    self.keep_up(datetime.now(UTC))
            except Exception as error:  # noqa: BLE001  # a thread that dies would keep everything for ever
                _log.warning("nothing is sealed or deleted now, next try in %.0f s: %s", _CHECK_SECONDS, error)
            self._stop.wait(_CHECK_SECONDS)

    def keep_up(self, now: datetime) -> None:
        """Do what is due: close a boundary, announce the next, delete. May be done at any time, and by many at once.

        Args:
            now: the present, UTC.

        Raises:
            StoreUnavailable, StoreError: see there.
        """
        if self._calls_days is None:
            return
        self._seal(now, self._calls_days)
        if (over := self._over(now, self._calls_days)) is None:
            return
        for table in _OF_CALLS:
            self._delete_before(table, over)
        if self._ledger_days is not None:
            self._drop_months(min(over, _day(now) - timedelta(days=self._ledger_days)))

    def _seal(self, now: datetime, calls_days: int) -> None:
        held = seals.read(self._store)
        if held.is_open and self._all_has_come(held, now):
            seals.close(self._store, held, now=now)
            _log.info("minutes before %s are sealed: calls that come for them now are late", held.announced)
            held = seals.read(self._store)
        wanted = _day(now) - timedelta(days=calls_days) + _SEALED_AHEAD
        if not held.is_open and wanted > held.closed:
            seals.announce(self._store, wanted, from_time=now + _SEEN_BY_ALL, now=now)

    def _all_has_come(self, held: seals.Seals, now: datetime) -> bool:
        """Nothing is on its way that was taken before the announced moment."""
        now_ns = int(now.timestamp() * 1e9)
        # Segments are named after the moment in which they were begun.
        begun = [int(path.name[:20]) for path in self._journal.glob("*.seg")]
        if now_ns < held.from_ns or any(moment < held.from_ns for moment in begun):
            return False
        return self._store.embedded or now >= held.announced_at + _OTHERS_SHIP

    def _over(self, now: datetime, calls_days: int) -> datetime | None:
        """Calls before this may go: they are over their time, and sealed so that no pass needs them any more."""
        closed = seals.closed_by(self._store, now - _SEEN_BY_ALL)
        return closed and min(_day(now) - timedelta(days=calls_days), closed - timedelta(days=1))

    def _delete_before(self, table: str, over: datetime) -> None:
        rows = self._store.rows(
            f"SELECT toYYYYMM(ts) AS month, count() AS n FROM {table} WHERE ts < {{over:DateTime64(6)}} GROUP BY month "
            "ORDER BY month",
            {"over": over},
        )
        for month, n in ((int(row["month"]), row["n"]) for row in rows):
            _log.info("%s: %s rows of %d from before %s are over their time", table, f"{n:,}", month, over)
            if _month_end(month) <= over:
                self._store.run(f"ALTER TABLE {table} DROP PARTITION {month}")
            else:
                self._store.run(
                    f"ALTER TABLE {table} DELETE IN PARTITION {month} WHERE ts < {{over:DateTime64(6)}}",
                    {"over": over},
                    {"mutations_sync": 2},
                )

    def _drop_months(self, over: datetime) -> None:
        for table, column in _OF_LEDGER:
            for month in self._months(table, column, over):
                _log.info("%s: %d is over its time", table, month)
                for partition in self._partitions(table, column, month):
                    self._store.run(f"ALTER TABLE {table} DROP PARTITION ID '{partition}'")

    def _months(self, table: str, column: str, over: datetime) -> Iterator[int]:
        rows = self._store.rows(
            f"SELECT DISTINCT toYYYYMM({column}) AS month FROM {table} WHERE {column} < {{over:DateTime}} "
            "ORDER BY month",
            {"over": over},
        )
        return (month for row in rows if _month_end(month := int(row["month"])) <= over)

    def _partitions(self, table: str, column: str, month: int) -> list[str]:
        rows = self._store.rows(
            f"SELECT DISTINCT _partition_id AS id FROM {table} WHERE toYYYYMM({column}) = {{month:UInt32}}",
            {"month": month},
        )
        return [row["id"] for row in rows]


def _day(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _month_end(month: int) -> datetime:
    year, number = divmod(month, 100)
    return datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
