"""Delivery: what stands in `alert_events` goes to each channel, once, as soon as the channel takes it.

At least once, to be exact: whoever dies between a send and its record leaves a claim, and after its lease the message
is sent again. Neither Slack's webhooks nor `chat.postMessage` document a way to send the same message twice without it
standing there twice. A webhook that takes JSON gets the event's id, and can tell.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, Final

from breakeven_collector.alerts.answers import LOST_THREADS, REFUSED_BLOCKS, Answer, Verdict
from breakeven_collector.alerts.channels import Channel, Kind
from breakeven_collector.alerts.digest_message import digest_message
from breakeven_collector.alerts.documents import digest_json, event_document
from breakeven_collector.alerts.events import Change, Digest, Event
from breakeven_collector.alerts.messages import Links, Message, alert_message, by_whom
from breakeven_collector.alerts.outbox import Due, Outbox, Step, Thread
from breakeven_collector.alerts.senders import send_json, send_to_slack
from breakeven_collector.store import Store

_log = logging.getLogger(__name__)

MOST_TRIES: Final = 20
_MOST_MESSAGES: Final = 30
"""On a channel in one go; the rest comes in the next."""
_BETWEEN_SECONDS: Final = 1.0
"""Slack takes a message a second into a conversation."""
_FIRST_WAIT: Final = timedelta(seconds=30)
_LONGEST_WAIT: Final = timedelta(minutes=30)


@dataclass(frozen=True)
class _Parcel:
    """What one message tells."""

    due: Sequence[Due]
    thread: Thread | None = None


class Delivery:
    """Sends what is to be told. For one thread.

    Args:
        store: an open store.
        channels: where to.
        links: where messages lead.
        stop: once it is set, nothing more is sent.
        sleep: waits between two messages; tests bring their own.
    """

    def __init__(
        self,
        store: Store,
        channels: Sequence[Channel],
        *,
        links: Links = Links(),  # noqa: B008  # frozen
        stop: threading.Event | None = None,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._channels = tuple(channels)
        self._links = links
        self._stop = stop or threading.Event()
        self._sleep = sleep or self._stop.wait
        self._outbox = Outbox(store)

    def use(self, channels: Sequence[Channel], links: Links) -> None:
        """From the next `deliver` on, take these: the file was changed."""
        self._channels, self._links = tuple(channels), links

    def deliver(self, now: datetime) -> None:
        """Send what may be sent now, and write down what became of it.

        Args:
            now: UTC.

        Raises:
            StoreError: the store refuses; what was claimed is sent again after a while.
        """
        began = time.monotonic()

        def clock() -> datetime:
            return now + timedelta(seconds=time.monotonic() - began)

        for channel in self._channels:
            if self._stop.is_set():
                return
            if not channel.problem:
                self._deliver_to(channel, clock)

    def _deliver_to(self, channel: Channel, clock: Callable[[], datetime]) -> None:
        turn = self._outbox.next_turn(channel.name, clock())
        if turn is None:
            return
        left = [one for one in self._outbox.due(channel.name, clock()) if _is_for(channel, one)]
        over = [one for one in left if one.what is None or one.is_too_old]
        if over:
            if not self._outbox.claim(channel.name, turn, over, clock()):
                return
            self._give_up(channel, turn, over, clock())
            turn += 1
        left = [one for one in left if one not in over]
        for number in range(_MOST_MESSAGES):
            if number and left:
                self._sleep(_BETWEEN_SECONDS)
            if not left or self._stop.is_set():
                return
            parcel = self._next_parcel(channel, left)
            # Whoever else took this turn meanwhile goes on with the rest.
            if not self._outbox.claim(channel.name, turn, parcel.due, clock()):
                return
            answer, form, thread_ts = self._try(channel, parcel, clock)
            self._write(channel, turn, parcel.due, answer, form, thread_ts, clock())
            if answer.verdict is Verdict.PASSING:
                return
            left = [one for one in left if one not in parcel.due]
            turn += 1

    def _give_up(self, channel: Channel, turn: int, over: Sequence[Due], now: datetime) -> None:
        for error, some in (
            ("unreadable", [one for one in over if one.what is None]),
            ("too_old", [one for one in over if one.what is not None]),
        ):
            if some:
                self._outbox.record(channel.name, turn, some, Step("given_up", error), now)

    def _next_parcel(self, channel: Channel, due: Sequence[Due]) -> _Parcel:
        if channel.kind is Kind.WEBHOOK or isinstance(due[0].what, Digest):
            return _Parcel(due[:1])
        events = [one for one in due if isinstance(one.what, Event)]
        threads = self._outbox.threads(channel.name, events) if channel.kind is Kind.SLACK_BOT else {}
        first_thread = next((threads[one.firing] for one in events if one.firing in threads), None)
        if first_thread:
            # One message may have told several firings: their updates stand below it together.
            together = [one for one in events if threads.get(one.firing) == first_thread]
            return _Parcel(together, first_thread)
        groups = by_whom(one.what for one in events if isinstance(one.what, Event))
        most = max(groups, key=lambda group: max(_usd(event) for event in group))
        ids = {event.id for event in most}
        return _Parcel([one for one in events if one.id in ids])

    def _try(self, channel: Channel, parcel: _Parcel, clock: Callable[[], datetime]) -> tuple[Answer, str, str]:
        """The answer, the form in which it was sent, and the thread in which it stands."""
        told = [one.what for one in parcel.due if one.what is not None]
        if channel.kind is Kind.WEBHOOK:
            (one,) = told
            return send_json(channel, _document(one), clock()), "json", ""
        thread_ts = parcel.thread.ts if parcel.thread else ""
        message, broadcast = self._message(told, in_thread=bool(thread_ts))
        answer = send_to_slack(channel, message, thread_ts=thread_ts, broadcast=broadcast)
        if answer.error in LOST_THREADS and thread_ts:
            thread_ts = ""
            message, broadcast = self._message(told, in_thread=False)
            answer = send_to_slack(channel, message)
        if answer.error in REFUSED_BLOCKS:
            _log.error("Slack refuses the blocks of %s: the text is sent in their place", [one.id for one in told])
            answer = send_to_slack(channel, Message(message.text, ()), thread_ts=thread_ts, broadcast=broadcast)
            return answer, "text", thread_ts
        return answer, "blocks", thread_ts

    def _message(self, told: Sequence[Event | Digest], *, in_thread: bool) -> tuple[Message, bool]:
        if isinstance(told[0], Digest):
            return digest_message(told[0], self._links), False
        events = [one for one in told if isinstance(one, Event)]
        # A reminder that only stands in a thread reminds nobody.
        broadcast = any(event.change is Change.STILL for event in events)
        return alert_message(events, self._links, in_thread=in_thread), broadcast

    def _write(
        self, channel: Channel, turn: int, due: Sequence[Due], answer: Answer, form: str, thread_ts: str, now: datetime
    ) -> None:
        if answer.verdict is Verdict.SENT:
            step = Step(
                "sent", posted_to=answer.posted_to, message_ts=answer.message_ts, thread_ts=thread_ts, form=form
            )
            self._outbox.record(channel.name, turn, due, step, now)
            return
        for tries in sorted({one.tries for one in due}):
            some = [one for one in due if one.tries == tries]
            self._outbox.record(channel.name, turn, some, _after(answer, tries + 1, now), now)
        _log.warning("alerts to %s: %s (%s)", channel.name, answer.error, answer.verdict, extra={"cause": channel.name})


def _after(answer: Answer, tries: int, now: datetime) -> Step:
    if answer.verdict is Verdict.FINAL or tries >= MOST_TRIES:
        return Step("given_up", answer.error)
    wait = min(_FIRST_WAIT * 2 ** min(tries - 1, 10), _LONGEST_WAIT)
    if answer.retry_after_seconds is not None:
        wait = timedelta(seconds=max(answer.retry_after_seconds, 1.0))
    return Step("failed", answer.error, retry_at=now + wait)


def _document(what: Event | Digest) -> dict[str, Any]:
    if isinstance(what, Digest):
        return {"kind": "digest", "id": what.id, "digest": json.loads(digest_json(what))}
    return {"kind": "event", "id": what.id, "event": event_document(what)}


def _is_for(channel: Channel, due: Due) -> bool:
    if due.what is None:
        return not channel.projects or due.project in channel.projects
    return channel.takes(due.what)


def _usd(event: Event) -> float:
    return event.figure.usd if isfinite(event.figure.usd) else 0.0
