"""What came in since the start, counted, whichever way it came."""

import threading
from dataclasses import dataclass, field
from typing import Final

from breakeven_collector.watch import Watch

_REASONS: Final = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    413: "too_large",
    415: "unsupported",
    429: "too_many",
}


@dataclass
class Received:
    """Counters since the start. Requests end in any thread: they are changed by the methods only."""

    watch: Watch = field(default_factory=Watch)
    """Measures what was taken on its way."""
    requests: int = 0
    protocols: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("http/protobuf", "http/json", "grpc"), 0))
    """Of these, by OpenTelemetry's name for the protocol."""
    spans: int = 0
    rejected: dict[str, int] = field(default_factory=lambda: {"bad_id": 0})
    """Spans left out of requests whose others were kept, by reason."""
    refused: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*_REASONS.values(), "unread"), 0))
    """Requests that no retry mends, by reason. `unread`: gRPC gave us none, as it was too large or the client left."""
    unkept_requests: int = 0
    """Told to try again, because the journal could not be written."""
    journal_error: str = ""
    """Why the last request could not be kept; empty once one was."""
    dropped: dict[str, int] = field(default_factory=lambda: {"metrics": 0, "logs": 0})
    """Requests for signals that are answered and not kept: tokens are counted from spans alone."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def rejected_spans(self) -> int:
        """Spans left out, for whatever reason."""
        return sum(self.rejected.values())

    @property
    def refused_requests(self) -> int:
        """Requests refused, for whatever reason."""
        return sum(self.refused.values())

    def took(self, spans: int, rejected: int, *, protocol: str, oldest_end_ns: int = 0, newest_end_ns: int = 0) -> None:
        """A request is safe in the journal, but for `rejected` spans of it.

        Args:
            spans: how many were kept.
            rejected: how many were left out.
            protocol: http/protobuf, http/json or grpc.
            oldest_end_ns: end of the oldest span, Unix nanoseconds; 0 where none is told.
            newest_end_ns: that of the newest.
        """
        if spans:
            self.watch.acknowledged(spans, oldest_end_ns, newest_end_ns)
        with self._lock:
            self.requests += 1
            self.protocols[protocol] += 1
            self.spans += spans
            if spans:
                self.journal_error = ""
            self.rejected["bad_id"] += rejected

    def refuse(self, status: int) -> None:
        """A request is refused with this HTTP status, or the status of gRPC that stands for it."""
        reason = _REASONS.get(status, "malformed")
        with self._lock:
            self.refused[reason] += 1

    def leave_unread(self) -> None:
        """A call over gRPC came to its end without a message."""
        with self._lock:
            self.refused["unread"] += 1

    def could_not_keep(self, error: str) -> None:
        """A request is to be sent again later."""
        with self._lock:
            self.unkept_requests += 1
            self.journal_error = error

    def drop(self, signal: str) -> None:
        """A request for metrics or logs is answered."""
        with self._lock:
            self.dropped[signal] += 1
