"""Clients under which faults happen: each call has a number, and the numbers tell what landed, was lost or doubled."""

import hashlib
import http.client
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from tests.spans import NOON, Call, body

Rows = Callable[[str], Sequence[dict[str, Any]]]
"""Runs a query against the store; a dict a row."""


@dataclass(frozen=True)
class Outcome:
    """What became of the calls. All counts are of calls, not of requests."""

    acknowledged: int
    landed: int
    """Distinct calls in the store."""
    lost: int
    """Acknowledged, and not in the store."""
    doubled: int
    """In the bill beyond once."""


def exact(calls: int) -> Outcome:
    """What must come out."""
    return Outcome(calls, calls, 0, 0)


def call(feature: str, number: int) -> Call:
    """The call of this number: it reads `number` + 1 tokens; a new minute begins every 100 calls."""
    ids = hashlib.sha256(f"{feature} {number}".encode()).digest()
    return Call(
        at=NOON + timedelta(seconds=number * 0.6),
        feature=feature,
        input_tokens=number + 1,
        output_tokens=1,
        trace_id=ids[:16],
        span_id=ids[16:24],
        response_id=f"{feature}-{number}" if number % 2 else None,
    )


def request_of(feature: str, numbers: Sequence[int]) -> bytes:
    """One OTLP request with these calls. The same numbers give the same bytes."""
    return body(*(call(feature, number) for number in numbers))


class Load:
    """Posts requests from several threads as exporters do: again and again until one is answered 200.

    Args:
        address: `host:port` of the collector, asked before each attempt: it may change.
        requests: how many are sent.
        calls_a_request: calls in each.
        threads: connections at once.
        again: share of the acknowledged requests that are sent once more, as by a client that lost the answer.
        pause: seconds that a thread waits between two requests.
        seed: of what is drawn.
    """

    def __init__(
        self,
        address: Callable[[], str],
        *,
        requests: int,
        calls_a_request: int = 5,
        threads: int = 4,
        again: float = 0.1,
        pause: float = 0.0,
        seed: int = 1,
    ) -> None:
        self._address = address
        self.feature = f"f{uuid4().hex[:12]}"
        """What its calls are for: tells them from those of other loads on the same store."""
        self._requests = [range(n * calls_a_request, (n + 1) * calls_a_request) for n in range(requests)]
        self._again = again
        self._pause = pause
        self._draw = random.Random(seed)
        self._lock = threading.Lock()
        self._next = 0
        self._enough = threading.Event()
        self.acknowledged: set[int] = set()
        """Numbers of calls that were acknowledged."""
        self.statuses: dict[int, int] = {}
        """Answers by status; 0: no answer."""
        self.sent_again = 0
        """Acknowledged requests that were sent once more."""
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(threads)]

    def start(self) -> "Load":
        """Begin to send."""
        for thread in self._threads:
            thread.start()
        return self

    def join(self, timeout: float = 120) -> "Load":
        """Wait until all was acknowledged."""
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))
        assert not any(thread.is_alive() for thread in self._threads), f"not within {timeout} s: {self.statuses}"
        return self

    def stop(self) -> "Load":
        """Begin no further request; those on their way are sent until they are acknowledged."""
        self._enough.set()
        return self.join()

    def outcome(self, rows: Rows) -> Outcome:
        """Count in the store what became of them.

        Raises:
            AssertionError: the bill has other tokens than the calls.
        """
        return outcome(self.feature, self.acknowledged, rows)

    def _send(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self._enough.is_set():
            with self._lock:
                if self._next == len(self._requests):
                    return
                numbers = self._requests[self._next]
                self._next += 1
                again = self._draw.random() < self._again
            data = request_of(self.feature, numbers)
            for _ in range(1 + again):
                connection = self._deliver(connection, data)
                with self._lock:
                    self.acknowledged.update(numbers)
            self.sent_again += again
            time.sleep(self._pause)

    def _deliver(self, connection: http.client.HTTPConnection | None, data: bytes) -> http.client.HTTPConnection:
        while True:
            status = 0
            try:
                if connection is None:
                    connection = http.client.HTTPConnection(self._address(), timeout=30)
                connection.request("POST", "/v1/traces", data, {"Content-Type": "application/x-protobuf"})
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException):
                if connection:
                    connection.close()
                connection = None
            with self._lock:
                self.statuses[status] = self.statuses.get(status, 0) + 1
            if status == 200 and connection:
                return connection
            assert status in (0, 503), status
            time.sleep(0.02)


def outcome(feature: str, acknowledged: set[int], rows: Rows) -> Outcome:
    """Count in the store what became of the calls of these numbers."""
    found = {
        int(row["n"])
        for row in rows(
            f"SELECT DISTINCT toInt64(assumeNotNull(input_tokens)) - 1 AS n FROM calls WHERE feature = '{feature}'"
        )
    }
    (bill,) = rows(
        "SELECT toInt64(sum(s.calls)) AS calls, toInt64(sum(uncached_tokens)) AS tokens FROM spend_slices AS s "
        f"WHERE counted = 'yes' AND feature = '{feature}'"
    )
    if int(bill["calls"]) == len(found):
        assert int(bill["tokens"]) == sum(found) + len(found)
    return Outcome(len(acknowledged), len(found), len(acknowledged - found), int(bill["calls"]) - len(found))
