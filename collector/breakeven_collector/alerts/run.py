"""Looking on demand: now, at a moment of the past, or over a stretch of it; one at a time."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from breakeven_collector.alerts.documents import event_document
from breakeven_collector.alerts.job import AlertsJob
from breakeven_collector.alerts.replay import replay
from breakeven_collector.alerts.sources import Stopped
from breakeven_collector.errors import BadRequest, ConfigError
from breakeven_collector.store import Store

RunDocument = dict[str, Any]
"""from, to (moments that were looked at), dry_run (nothing was written or told), events (as documents of Event, in
order), errors (what could not be looked at)."""

_MOST_DAYS: Final = 400
_EARLIEST: Final = datetime(2020, 1, 1, tzinfo=UTC)
_RUNNING = threading.Lock()


def run_alerts(
    job: AlertsJob,
    store: Store,
    timezone: str,
    *,
    at: datetime | None = None,
    first: datetime | None = None,
    last: datetime | None = None,
    dry_run: bool = False,
    now: datetime | None = None,
    progress: Callable[[datetime], None] = lambda _at: None,
) -> RunDocument:
    """Look now, and tell what is to be told; or at a moment or over a stretch of the past, and only say what it is.

    Args:
        job: whose rules and data.
        store: an open store.
        timezone: where days begin.
        at: a moment: what began before counts, and nothing is known from before.
        first: begin of a stretch; not with `at`.
        last: its end; the present where left out.
        dry_run: write and tell nothing.
        now: the present.
        progress: is told the days of a stretch.

    Raises:
        BadRequest: moments that do not fit, another look is not over, or the file is broken.
        StoreError: the store cannot be read or refuses.
    """
    now = now or datetime.now(UTC)
    _check(at, first, last, now)
    if not _RUNNING.acquire(blocking=False):
        raise BadRequest(409, "another look at the past is not over yet; try again in a while")
    try:
        if first is None:
            outcome = job.run_once(at, dry_run=dry_run)
            return {
                "from": outcome.at.isoformat(),
                "to": outcome.at.isoformat(),
                "dry_run": dry_run or at is not None,
                "events": [event_document(one) for one in outcome.events],
                "errors": outcome.errors,
            }
        last = last or now
        errors: list[str] = []
        sources = job.sources.remembered(last)
        events = replay(store, sources, job.file.read(), first, last, timezone, progress=progress, errors=errors)
        return {
            "from": first.astimezone(UTC).isoformat(),
            "to": last.astimezone(UTC).isoformat(),
            "dry_run": True,
            "events": [event_document(one) for one in events],
            "errors": errors,
        }
    except Stopped:
        raise BadRequest(503, "the collector stops: look again once it runs") from None
    except ConfigError as error:
        raise BadRequest(422, str(error)) from None
    finally:
        _RUNNING.release()


def _check(at: datetime | None, first: datetime | None, last: datetime | None, now: datetime) -> None:
    if at is not None and (first or last):
        raise BadRequest(422, "a moment, or from and to: not both")
    if last is not None and first is None:
        raise BadRequest(422, f"to {last} without a time to begin from")
    if first is not None and (last or now) - first > timedelta(days=_MOST_DAYS):
        raise BadRequest(422, f"from {first:%Y-%m-%d}: at most {_MOST_DAYS} days can be looked at")
    if first is not None and first >= (last or now):
        raise BadRequest(422, f"from {first:%Y-%m-%d %H:%M} is not before to {last or now:%Y-%m-%d %H:%M}")
    earliest = min((one for one in (at, first) if one is not None), default=now)
    if earliest < _EARLIEST:
        raise BadRequest(
            422, f"{earliest.date()} is before {_EARLIEST:%Y}, and no call is that old: write a later time"
        )
    if (at or last or now) > now:
        raise BadRequest(422, f"{at or last:%Y-%m-%d %H:%M} is ahead: write a time that is over")
