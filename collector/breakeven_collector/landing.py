"""Segments land in the store, all of them that can.

One that the store refuses though it is well is written anew by protobuf, which forgives more than ClickHouse, and cut
in halves until what is refused stands alone: that is set aside, all else lands. Whether the store is well, an empty
request tells: a lost password or a missing table must not send anybody's requests into quarantine.
"""

import hashlib
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from breakeven_collector.errors import StoreError, StoreUnavailable
from breakeven_collector.journal import Segment
from breakeven_collector.quarantine import Quarantine
from breakeven_collector.records import rewritten
from breakeven_collector.store import Store

_log = logging.getLogger(__name__)

_EMPTY_REQUEST: Final = b"\0"


@dataclass(frozen=True)
class _Request:
    number: int
    """Place in its segment."""
    record: bytes
    """As the journal has it."""
    regular: bytes
    """As protobuf writes it, if it can read it."""


class Landing:
    """Inserts segments. Safe to use from any thread.

    Args:
        store: where they land.
        quarantine: where requests go that it cannot take.
        stop: set when the collector is to stop: cutting up a segment may take long, and is taken up again later.
    """

    def __init__(self, store: Store, quarantine: Quarantine, stop: threading.Event) -> None:
        self._store = store
        self._quarantine = quarantine
        self._stop = stop

    def land(self, segments: Sequence[Segment]) -> None:
        """Insert segments in one go, all of them that can be.

        Raises:
            StoreUnavailable: they may land later; what of them did land does so once.
        """
        if len(segments) > 1:
            try:
                names = "+".join(segment.name for segment in segments)
                token = hashlib.sha256(names.encode()).hexdigest()
                self._store.insert_requests(b"".join(segment.read() for segment in segments), token=token)
            except StoreUnavailable:
                raise
            except StoreError:
                pass
            else:
                return
        for segment in segments:
            self._land_one(segment)

    def _land_one(self, segment: Segment) -> None:
        try:
            self._store.insert_requests(segment.read(), token=segment.name)
        except StoreUnavailable:
            raise
        except StoreError as refusal:
            self._require_health()
            self._land_refused(segment, refusal)

    def _land_refused(self, segment: Segment, refusal: StoreError) -> None:
        requests = [_Request(n, record, _regular(record)) for n, record in enumerate(segment.records())]
        _log.warning("segment %s of %d requests is refused, it is cut up: %s", segment.name, len(requests), refusal)
        aside = self._bisect(segment.name, requests)
        if aside:
            _log.error("%d of %d requests of segment %s were set aside", aside, len(requests), segment.name)

    def _bisect(self, segment: str, requests: Sequence[_Request]) -> int:
        """Land what can be of these; how many were set aside."""
        if not requests:
            return 0
        if self._stop.is_set():
            raise StoreUnavailable("the collector is stopping")
        token = f"{segment}/{requests[0].number}-{requests[-1].number}"
        try:
            self._store.insert_requests(b"".join(request.regular for request in requests), token=token)
        except StoreUnavailable:
            raise
        except StoreError as refusal:
            if len(requests) > 1:
                half = len(requests) // 2
                return self._bisect(segment, requests[:half]) + self._bisect(segment, requests[half:])
            self._require_health()
            (request,) = requests
            self._quarantine.add(f"{segment}-{request.number}", request.record, refusal.detail or str(refusal))
            return 1
        return 0

    def _require_health(self) -> None:
        """That the store takes nothing at all must not be held against a request."""
        try:
            self._store.insert_requests(_EMPTY_REQUEST, token="")
        except StoreUnavailable:
            raise
        except StoreError as error:
            raise StoreUnavailable(f"the store takes no request, not even an empty one: {error}") from error


def _regular(record: bytes) -> bytes:
    """The record as protobuf writes it; where not even protobuf can read it, as it is."""

    def change(request: bytes) -> bytes:
        message = ExportTraceServiceRequest.FromString(request)
        message.DiscardUnknownFields()  # pyright: ignore[reportUnknownMemberType]
        return message.SerializeToString()

    try:
        return rewritten(record, change)
    except DecodeError:
        return record
