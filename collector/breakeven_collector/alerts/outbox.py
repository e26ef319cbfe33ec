"""What is still to be told on a channel, and what became of what was: a log in the store, shared by all collectors.

A step is a row of `alert_deliveries`; the last one of an event and channel counts. What one message tells is claimed in
one insert, whose token is the channel and the number of the message on it: of two collectors that claim the same number
one adds nothing, sees that, and looks again later.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from pydantic import ValidationError

from breakeven_collector.alerts.channels import DIGEST
from breakeven_collector.alerts.documents import read_digest, read_event
from breakeven_collector.alerts.events import Digest, Event
from breakeven_collector.alerts.moments import in_utc, utc
from breakeven_collector.projects import of_project
from breakeven_collector.store import Store

LEASE: Final = timedelta(minutes=2)
"""How long a claim holds: longer than any try takes. After that who claimed is taken to be gone."""
LONGEST: Final = timedelta(hours=24)
"""How old may be what is still told."""
_COLUMNS: Final = (
    *("project", "event_id", "channel", "turn", "state", "at", "taken_by", "tries", "error", "retry_at", "firing"),
    *("posted_to", "message_ts", "thread_ts", "form"),
)


@dataclass(frozen=True)
class Due:
    """Something to be told now."""

    id: str
    project: str
    what: Event | Digest | None
    """None: it cannot be read."""
    firing: str
    tries: int
    """How often it was tried."""
    is_too_old: bool
    """It is not worth another try."""


@dataclass(frozen=True)
class Step:
    """What is written of a try, for each event that it told."""

    state: str
    """`claimed`, `sent`, `failed` or `given_up`."""
    error: str = ""
    retry_at: datetime | None = None
    posted_to: str = ""
    message_ts: str = ""
    thread_ts: str = ""
    form: str = ""


@dataclass(frozen=True)
class Thread:
    """The first message of a firing."""

    ts: str
    posted_to: str


class Outbox:
    """One process's view of it. Every method raises StoreError where the store refuses.

    Args:
        store: an open store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writer = uuid4().hex

    def next_turn(self, channel: str, now: datetime) -> int | None:
        """Number of the next message on a channel; None while another is being sent, or the channel has to wait."""
        rows = self._store.query_file("alert_turn", {"channel": channel})
        if not rows:
            return 1
        last = rows[0]
        if not last["is_over"] and utc(last["at"]) > now - LEASE:
            return None
        if last["retry_at"] and utc(last["retry_at"]) > now:
            return None
        return int(last["turn"]) + 1

    def due(self, channel: str, now: datetime) -> list[Due]:
        """What may be told on a channel now, the oldest first."""
        oldest = now - LONGEST
        rows = self._store.query_file("alert_outbox", {"channel": channel, "oldest": _text(oldest)})
        found: list[Due] = []
        for row in rows:
            waits = row["state"] == "failed" and row["retry_at"] and utc(row["retry_at"]) > now
            if waits or (row["state"] == "claimed" and utc(row["step_at"]) > now - LEASE):
                continue
            what = read_kept(row["document"], row["rule"])
            found.append(
                Due(
                    row["id"],
                    row["project"],
                    what,
                    firing_of(what) if isinstance(what, Event) else "",
                    int(row["tries"]),
                    utc(row["kept"]) < oldest,
                )
            )
        return found

    def claim(self, channel: str, turn: int, due: Sequence[Due], now: datetime) -> bool:
        """Take what one message tells; False where another collector was faster."""
        rows = [self._row(channel, turn, one, Step("claimed"), now) for one in due]
        # A retry of the insert itself, after a broken connection, adds nothing either.
        self._store.insert("alert_deliveries", _COLUMNS, rows, token=f"{channel}/{turn}")
        (won,) = self._store.query_file("claimed_alerts", {"channel": channel, "turn": turn, "taken_by": self._writer})
        return bool(won["n"])

    def record(self, channel: str, turn: int, due: Sequence[Due], step: Step, now: datetime) -> None:
        """Write down what became of a message."""
        rows = [self._row(channel, turn, one, step, now) for one in due]
        self._store.insert("alert_deliveries", _COLUMNS, rows)

    def threads(self, channel: str, due: Sequence[Due]) -> dict[str, Thread]:
        """Firing → the message that told it first on a channel; only where Slack named that."""
        firings = sorted({one.firing for one in due if one.firing})
        rows = self._store.query_file("alert_threads", {"channel": channel, "firings": firings}) if firings else []
        return {row["firing"]: Thread(row["ts"], row["posted_to"]) for row in rows}

    def _row(self, channel: str, turn: int, due: Due, step: Step, now: datetime) -> tuple[Any, ...]:
        row: dict[str, Any] = {
            "project": due.project,
            "event_id": due.id,
            "channel": channel,
            "turn": turn,
            "state": step.state,
            "at": now,
            "taken_by": self._writer,
            "tries": min(due.tries + 1, 65_535),
            "error": step.error,
            "retry_at": step.retry_at,
            "firing": due.firing,
            "posted_to": step.posted_to,
            "message_ts": step.message_ts,
            "thread_ts": step.thread_ts,
            "form": step.form,
        }
        return tuple(row[name] for name in _COLUMNS)


def channel_states(store: Store) -> dict[str, dict[str, str]]:
    """Channel → how its last message went: `state` and `error`.

    Raises:
        StoreError: the store cannot be read.
    """
    return {row.pop("channel"): row for row in store.query_file("alert_channels")}


def list_deliveries(store: Store, project: str | None, most: int) -> list[dict[str, Any]]:
    """The last step of what was told, the newest first: `event_id`, `headline`, `channel`, `state`, `at`, `tries`,
    `error`, `retry_at`, `form`. Moments are in UTC.

    Raises:
        StoreError: the store cannot be read.
    """
    return [in_utc(row) for row in store.query_file("alert_deliveries", {**of_project(project), "most": most})]


def read_kept(text: str, rule: str) -> Event | Digest | None:
    """What stands in `alert_events`; None where it cannot be read.

    Args:
        text: the document.
        rule: of the same row.
    """
    try:
        return read_digest(text) if rule == DIGEST else read_event(text)
    except ValidationError:
        return None


def firing_of(event: Event) -> str:
    """Names a firing: all updates of it have the same."""
    project, rule, subject, since = event.thread
    whole = json.dumps([project, str(rule), subject, since.isoformat()])
    return hashlib.sha256(whole.encode()).hexdigest()[:32]


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")
