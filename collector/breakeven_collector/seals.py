"""Sealed minutes: their calls may expire, so a pass never differences them again, and what comes for them is late.

A boundary is set in two steps, as rows of `seals`. First it is *announced*: requests that a collector takes from a
moment a little ahead are late for the minutes before it. That depends on the request alone, not on when it lands, so
one that is shipped again after a crash goes where it went before. Then, when nothing older is on its way any more, it
is *closed*: all that comes is late, and calls may go. See docs/design/0003-sealing.md.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from breakeven_collector.store import Store

NEAR = timedelta(minutes=20)
"""How far a pass looks beyond the minutes that changed; see related_slices.sql."""

_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Seals:
    """What `seals` says; times in UTC, 1970 where there is no such row."""

    announced: datetime = _EPOCH
    """Minutes before this are sealed."""
    from_ns: int = 0
    """For requests taken from here on, Unix nanoseconds."""
    announced_at: datetime = _EPOCH
    closed: datetime = _EPOCH
    """Minutes before this are sealed for all."""

    @property
    def is_open(self) -> bool:
        """A boundary is announced and not closed."""
        return self.announced > self.closed

    @property
    def first_minute(self) -> int:
        """The first minute that passes may still difference, Unix seconds: one that new calls may pair with."""
        return max(0, int((self.closed - NEAR).timestamp()))


def read(store: Store) -> Seals:
    """What holds now."""
    (row,) = store.rows(
        "SELECT max(s.sealed_before) AS announced, max(s.from_ns) AS from_ns, "
        "maxIf(s.sealed_before, s.closed) AS closed, argMax(s.at, (s.sealed_before, s.from_ns)) AS announced_at "
        "FROM seals AS s"
    )
    return Seals(
        announced=row["announced"].replace(tzinfo=UTC),
        from_ns=row["from_ns"],
        announced_at=row["announced_at"].replace(tzinfo=UTC),
        closed=row["closed"].replace(tzinfo=UTC),
    )


def closed_by(store: Store, moment: datetime) -> datetime | None:
    """The boundary that was closed at that moment; None: none was."""
    (row,) = store.rows(
        "SELECT max(s.sealed_before) AS closed, count() AS n FROM seals AS s "
        "WHERE s.closed AND s.at <= {moment:DateTime64(6)}",
        {"moment": moment},
    )
    return row["closed"].replace(tzinfo=UTC) if row["n"] else None


def announce(store: Store, sealed_before: datetime, *, from_time: datetime, now: datetime) -> None:
    """Seal the minutes before `sealed_before` for requests that are taken from `from_time` on.

    Args:
        store: an open store.
        sealed_before: the boundary, a whole day.
        from_time: ahead of now by more than it takes all collectors to see this.
        now: the present.
    """
    _add(store, sealed_before, int(from_time.timestamp() * 1e9), closed=False, now=now)


def close(store: Store, seals: Seals, *, now: datetime) -> None:
    """Seal the announced minutes for all: nothing from before `from_ns` is on its way any more."""
    _add(store, seals.announced, seals.from_ns, closed=True, now=now)


def _add(store: Store, sealed_before: datetime, from_ns: int, *, closed: bool, now: datetime) -> None:
    store.insert("seals", ["sealed_before", "from_ns", "closed", "at"], [(sealed_before, from_ns, closed, now)])
