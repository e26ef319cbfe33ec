"""What tests of the journal share: requests to put in, and what comes out of it."""

import queue
import time
from collections.abc import Callable
from typing import Any

import pytest
from breakeven_collector.journal import Journal, Segment
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

Open = Callable[..., Journal]


def _record_class() -> Any:
    """The journal's record for protobuf's own reader: the request as opaque field 1, our fields behind it."""
    field = descriptor_pb2.FieldDescriptorProto
    kinds = [
        ("request", 1, field.TYPE_BYTES),
        ("project", 1000, field.TYPE_STRING),
        ("received_ns", 1001, field.TYPE_UINT64),
        ("segment", 1002, field.TYPE_STRING),
        ("crc", 1003, field.TYPE_FIXED32),
    ]
    file = descriptor_pb2.FileDescriptorProto(name="journal_record.proto", syntax="proto3")
    message = file.message_type.add(name="JournalRecord")
    for name, number, kind in kinds:
        message.field.add(name=name, number=number, type=kind, label=field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("JournalRecord"))


RECORD = _record_class()


def as_request(content: bytes) -> bytes:
    """Any content as field 1, so that a record is a message that protobuf can read back."""
    return bytes(RECORD(request=content).SerializeToString())


def content_of(record: bytes) -> bytes:
    start = 0
    while record[start] & 128:
        start += 1
    return bytes(RECORD.FromString(record[start + 1 :]).request)


def handed_out(journal: Journal) -> list[Segment]:
    segments: list[Segment] = []
    while True:
        try:
            segments.append(journal.closed.get_nowait())
        except queue.Empty:
            return segments


def contents(journal: Journal) -> list[bytes]:
    """Close the journal; the content of each request in it, in order."""
    journal.close()
    return [content_of(record) for segment in handed_out(journal) for record in segment.records()]


def seconds_until(condition: Callable[[], bool], at_most: float = 5) -> float:
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > at_most:
            pytest.fail(f"not within {at_most} s")
        time.sleep(0.002)
    return time.monotonic() - start
