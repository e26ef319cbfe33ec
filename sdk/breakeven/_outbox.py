"""Spans on their way out: a bounded queue, and one thread that sends.

OpenTelemetry's BatchSpanProcessor sends on the thread that calls `force_flush`, without a time limit: a collector that
is down would hold up the exit of the application for 10 s and more.
"""

import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from breakeven import _calls, _guard
from breakeven._content import without_content
from breakeven._estimator import Estimator, Parcel
from breakeven._guard import guard, log_once, report

EXIT_S = 2.0
"""The most that an exit waits for the collector, in all."""
_PAUSE_S = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Pauses between attempts to deliver one batch; the last repeats. Meanwhile the queue fills and drops the oldest."""


class Sender(Protocol):
    """What delivers a batch. It must not raise and must not take for ever."""

    def send(self, spans: list[ReadableSpan]) -> bool:
        """Deliver; False means that a later attempt may succeed."""
        ...

    def close(self) -> None:
        """Give up waiting; nothing is sent afterwards."""
        ...


class Outbox(SpanProcessor):
    """Takes ended spans and delivers them in the background. Full, it drops the oldest."""

    def __init__(self, make_sender: Callable[[], Sender], *, delay_s: float, max_queue: int, max_batch: int) -> None:
        self._make_sender = make_sender
        self._delay_s = delay_s
        self._max_queue = max_queue
        self._max_batch = min(max_batch, max_queue)
        self._closed = False
        self._start_anew()

    def _start_anew(self) -> None:
        # Condition() holds an RLock: the SIGTERM handler may run while this very thread is in on_end.
        self._changed = threading.Condition()
        # A forked child must not write to the connection that its parent holds open.
        self._sender = self._make_sender()
        self._queue: deque[Parcel] = deque()
        self._estimator = Estimator()
        self._worker: threading.Thread | None = None
        self._pid = os.getpid()
        self._taken = 0  # spans ever taken in,
        self._done = 0  # and ever sent or dropped: at flush, the difference is what to wait for
        self._hurried = False
        self._flushing = 0
        self._exit_deadline: float | None = None

    def _here(self) -> None:
        # A forked child has no worker, and the lock may be held by a thread that exists in the parent only. The spans
        # in the queue are the parent's to send.
        if self._pid != os.getpid():
            self._start_anew()

    @guard("see a span start")
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002
        """Remember whose span it is, if a call is being made."""
        if _calls.current.get() is not None and span.get_span_context().trace_flags.sampled:
            _calls.begin(span.get_span_context().span_id)

    @guard("take a span")
    def on_end(self, span: ReadableSpan) -> None:
        """Queue the span if it is sampled. Never blocks on the network."""
        context = span.get_span_context()
        if context is None or not context.trace_flags.sampled:
            return
        self._here()
        parcel = self._take(span)
        with self._changed:
            if self._closed:
                return
            if len(self._queue) >= self._max_queue:
                self._estimator.drop(self._queue.popleft())
                self._done += 1
                log_once(
                    "queue full", "more than %d spans wait for the collector: dropping the oldest", self._max_queue
                )
            self._queue.append(parcel)
            self._taken += 1
            if self._worker is None:
                self._start_worker()
            # The worker sleeps until the first span of a batch, and then until the batch is full or old enough.
            if len(self._queue) in (1, self._max_batch):
                self._changed.notify_all()

    def _take(self, span: ReadableSpan) -> Parcel:
        with guard("take the content off a span"):
            return self._estimator.take(span)
        return Parcel(without_content(span))

    def _finish(self, parcel: Parcel) -> ReadableSpan:
        try:
            return self._estimator.finish(parcel)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            # Also what is no Exception, such as a panic in tiktoken: this thread must go on sending.
            if _guard.strict:
                raise
            report("estimate tokens", error)
            return parcel.span

    def _start_worker(self) -> None:
        worker = threading.Thread(target=self._work, name="breakeven-outbox", daemon=True)
        try:
            worker.start()
        except RuntimeError:
            return  # an interpreter that shuts down starts no threads; `flush` sends by itself then
        self._worker = worker

    def _work(self) -> None:
        # The requests that carry spans must not become spans themselves.
        key: str = getattr(otel_context, "_SUPPRESS_INSTRUMENTATION_KEY", "suppress_instrumentation")
        context = otel_context.set_value("suppress_instrumentation", True)
        otel_context.attach(otel_context.set_value(key, True, context))
        while parcels := self._next_batch():
            batch = [self._finish(parcel) for parcel in parcels]
            for pause_s in itertools.chain(_PAUSE_S, itertools.repeat(_PAUSE_S[-1])):
                if self._sender.send(batch) or not self._pause(pause_s):
                    break
            with self._changed:
                self._done += len(batch)
                self._changed.notify_all()

    def _next_batch(self) -> list[Parcel]:
        """Wait for spans; an empty list means closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closed)
            self._changed.wait_for(self._due, self._delay_s)
            return [self._queue.popleft() for _ in range(min(len(self._queue), self._max_batch))]

    def _due(self) -> bool:
        return bool(self._closed or self._hurried or self._flushing or len(self._queue) >= self._max_batch)

    def _pause(self, seconds: float) -> bool:
        """Wait before another attempt; False if there is to be none."""
        with self._changed:
            # Whoever flushes meanwhile gets one more attempt at once, not a row of them.
            waiting = self._flushing
            self._changed.wait_for(lambda: self._closed or self._flushing > waiting, seconds)
            return not self._closed

    def flush(self, timeout_s: float) -> bool:
        """Wait until the spans taken in so far are sent or dropped; False if that takes longer."""
        self._here()
        with self._changed:
            goal = self._taken
            if self._done >= goal:
                return True
            if self._worker is None:
                return self._send_here()
            self._flushing += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: self._done >= goal, timeout_s)
            finally:
                self._flushing -= 1

    def _send_here(self) -> bool:
        # Without estimates: an exit should not wait for them.
        batch = [parcel.span for parcel in self._queue]
        self._queue.clear()
        self._done += len(batch)
        return self._sender.send(batch)

    def hurry(self) -> None:
        """Send every span at once from now on, because the process is about to end. Does not wait."""
        self._here()
        with self._changed:
            self._hurried = True
            self._changed.notify_all()

    def finish(self) -> bool:
        """Flush because the process ends. All calls together wait no longer than EXIT_S."""
        self._here()
        now = time.monotonic()
        if self._exit_deadline is None:
            self._exit_deadline = now + EXIT_S
        delivered = self.flush(max(0.0, self._exit_deadline - now))
        if not delivered:
            log_once(
                "exit",
                "%d spans could not be delivered before the exit; is the collector running, and is BREAKEVEN_ENDPOINT "
                "right?",
                self._taken - self._done,
            )
        return delivered

    @guard("shut down")
    def shutdown(self) -> None:
        """Send what waits, for EXIT_S at most, and take nothing more."""
        if self._closed and self._pid == os.getpid():
            return
        self.finish()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._sender.close()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """`flush`, as OpenTelemetry calls it. The unit is milliseconds."""
        return self.flush(timeout_millis / 1000)
