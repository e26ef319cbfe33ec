"""The journal keeps what it acknowledged, and nothing that it did not."""

import errno
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector import journal as module
from breakeven_collector.errors import ConfigError
from breakeven_collector.journal import Journal, JournalError, Segment, rewritten
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given, settings
from hypothesis import strategies as st

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


@pytest.fixture
def open_journal(tmp_path: Path) -> Iterator[Open]:
    opened: list[Journal] = []

    def open_one(folder: Path = tmp_path / "journal", **options: Any) -> Journal:
        defaults: dict[str, Any] = {"max_segment_bytes": 1_000_000, "max_segment_seconds": 30.0}
        journal = Journal(folder, **{**defaults, **options})
        opened.append(journal)
        return journal

    yield open_one
    for journal in opened:
        journal.close()


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


# ---------------------------------------------------------------------------------------------------------- form


def test_a_record_is_the_request_then_project_time_segment_and_checksum(open_journal: Open) -> None:
    journal = open_journal()
    before = time.time_ns()
    journal.append(as_request(b"hello"), "prøject").result(5)
    after = time.time_ns()
    journal.close()
    (segment,) = handed_out(journal)
    data = segment.read()
    assert data[0] == len(data) - 1  # one record, its length in front
    assert data[1:].startswith(as_request(b"hello"))
    record = RECORD.FromString(data[1:])
    assert (record.request, record.project, record.segment) == (b"hello", "prøject", segment.name)
    assert before <= record.received_ns <= after
    assert list(segment.records()) == [data]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=400), st.text(st.characters(codec="utf-8"), max_size=20)), max_size=8))
def test_any_requests_come_back_in_order_and_to_the_byte(requests: list[tuple[bytes, str]]) -> None:
    records = [module._record(as_request(content), project, "seg-1") for content, project in requests]  # pyright: ignore[reportPrivateUsage]
    data = b"".join(records)
    bounds = list(module._bounds(data, "seg-1"))  # pyright: ignore[reportPrivateUsage]
    assert [data[start:end] for start, end in bounds] == records
    assert [content_of(record) for record in records] == [content for content, _ in requests]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=300), st.text(st.characters(codec="utf-8"), max_size=20))
def test_a_rewritten_record_keeps_our_fields(old: bytes, new: bytes, project: str) -> None:
    # our own tags inside the request must not be taken for the end of it
    tags = b"\xc2\x3e\x05other\xc8\x3e\x01\xd2\x3e\x01x\xdd\x3e1234"
    for content, changed in ((old, new), (old + tags, new), (old, tags + new), (tags, tags)):
        record = module._record(as_request(content), project, "seg-1")  # pyright: ignore[reportPrivateUsage]
        seen: list[bytes] = []

        def change(request: bytes, seen: list[bytes] = seen, changed: bytes = changed) -> bytes:
            seen.append(request)
            return as_request(changed)

        result = rewritten(record, change)
        assert seen == [as_request(content)]
        (bounds,) = list(module._bounds(result, "seg-1"))  # pyright: ignore[reportPrivateUsage]
        assert bounds == (0, len(result))
        start = 1 if len(result) < 129 else 2
        fields = RECORD.FromString(result[start:])
        untouched = RECORD.FromString(record[1 if len(record) < 129 else 2 :])
        assert (fields.request, fields.project, fields.received_ns, fields.segment) == (
            changed,
            project,
            untouched.received_ns,
            "seg-1",
        )


# ------------------------------------------------------------------------------------------------------ segments


def test_it_is_on_disk_when_it_is_acknowledged(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    for number in range(5):
        journal.append(as_request(b"%d" % number), "p").result(5)
        (path,) = (tmp_path / "journal").glob("*.seg")
        assert [content_of(r) for r in Segment(path).records()] == [b"%d" % n for n in range(number + 1)]
        assert path.stat().st_mode & 0o777 == 0o600  # what users wrote may be in it


def test_requests_that_come_during_a_sync_share_the_next_one(
    open_journal: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs: list[int] = []
    entered, go_on = threading.Event(), threading.Event()
    real = os.fdatasync

    def slow(file: int) -> None:
        syncs.append(file)
        entered.set()
        assert go_on.wait(5)
        real(file)

    monkeypatch.setattr(os, "fdatasync", slow)
    journal = open_journal()
    first = journal.append(as_request(b"first"), "p")
    assert entered.wait(5)
    rest = [journal.append(as_request(b"%d" % n), "p") for n in range(50)]
    time.sleep(0.05)
    assert not first.done()
    assert not any(done.done() for done in rest)
    go_on.set()
    for done in (first, *rest):
        done.result(5)
    assert len(syncs) == 2
    assert contents(journal) == [b"first", *(b"%d" % n for n in range(50))]


def test_a_segment_is_closed_by_age(open_journal: Open) -> None:
    journal = open_journal(max_segment_seconds=0.2)
    journal.append(as_request(b"a"), "p").result(5)
    assert journal.closed.empty()
    time.sleep(0.1)
    journal.append(as_request(b"b"), "p").result(5)  # does not make it younger
    assert 0.02 < seconds_until(lambda: not journal.closed.empty()) < 0.5
    assert contents(journal) == [b"a", b"b"]


def test_a_segment_is_closed_by_size(open_journal: Open) -> None:
    journal = open_journal(max_segment_bytes=1000)
    sent = [bytes([65 + n]) * 300 for n in range(10)]
    for one in sent:
        journal.append(as_request(one), "p").result(5)
    journal.close()
    segments = handed_out(journal)
    assert all(len(segment.read()) <= 1000 + 100 for segment in segments)
    assert len(segments) >= 4
    assert [content_of(r) for s in segments for r in s.records()] == sent
    assert [s.name for s in segments] == sorted(s.name for s in segments)


def test_many_requests_at_once_are_cut_into_segments_too(open_journal: Open) -> None:
    journal = open_journal(max_segment_bytes=2000)
    futures = [journal.append(as_request(b"%04d" % n * 50), "p") for n in range(100)]
    for future in futures:
        future.result(5)
    journal.close()
    segments = handed_out(journal)
    assert max(len(s.read()) for s in segments) < 2300
    assert [content_of(r) for s in segments for r in s.records()] == [b"%04d" % n * 50 for n in range(100)]


def test_a_request_larger_than_a_segment_has_one_of_its_own(open_journal: Open) -> None:
    journal = open_journal(max_segment_bytes=1000)
    sent = [b"small", b"x" * 5000, b"small too"]
    for future in [journal.append(as_request(one), "p") for one in sent]:
        future.result(5)
    journal.close()
    assert [[content_of(r) for r in s.records()] for s in handed_out(journal)] == [[one] for one in sent]


def test_an_empty_request_is_a_record_too(open_journal: Open) -> None:
    journal = open_journal()
    journal.append(b"", "").result(5)
    assert contents(journal) == [b""]


def test_many_threads_lose_nothing(open_journal: Open) -> None:
    journal = open_journal(max_segment_bytes=3000, max_segment_seconds=0.01)
    futures: list[Future[None]] = []

    def send(thread: int) -> None:
        for number in range(100):
            futures.append(journal.append(as_request(b"%d/%d" % (thread, number)), f"p{thread}"))

    threads = [threading.Thread(target=send, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for future in futures:
        future.result(10)
    found = contents(journal)
    assert len(found) == 800
    for thread in range(8):
        mine = [one for one in found if one.startswith(b"%d/" % thread)]
        assert mine == [b"%d/%d" % (thread, number) for number in range(100)]


# ---------------------------------------------------------------------------------------------------- accounting


def test_it_knows_what_waits(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal(max_segment_seconds=0.05)
    assert (journal.waiting(), journal.waiting_bytes) == (False, 0)
    journal.append(as_request(b"a" * 100), "p").result(5)
    assert journal.waiting()  # from the acknowledgement on, without a gap
    segment = journal.closed.get(timeout=5)
    assert (journal.waiting(), journal.waiting_bytes) == (True, segment.path.stat().st_size)
    journal.shipped(segment)
    assert (journal.waiting(), journal.waiting_bytes) == (False, 0)
    assert list((tmp_path / "journal").iterdir()) == []


def test_nothing_seems_to_be_shipped_while_a_segment_is_being_closed(
    open_journal: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal(max_segment_seconds=0.05)
    seen: list[bool] = []
    real = os.close

    def close(file: int) -> None:
        real(file)
        if threading.current_thread().name == "breakeven-journal":
            seen.append(journal.waiting())

    journal.append(as_request(b"a"), "p").result(5)
    monkeypatch.setattr(os, "close", close)
    journal.closed.get(timeout=5)
    assert seen == [True]


def test_it_refuses_when_too_much_waits_and_goes_on_when_that_is_shipped(open_journal: Open) -> None:
    journal = open_journal(max_segment_seconds=0.02, max_bytes=100)
    journal.append(as_request(b"a" * 200), "p").result(5)
    segment = journal.closed.get(timeout=5)
    with pytest.raises(JournalError, match="more than 100 bytes are waiting"):
        journal.append(as_request(b"b"), "p").result(5)
    journal.shipped(segment)
    journal.append(as_request(b"c"), "p").result(5)
    assert contents(journal) == [b"c"]


# ------------------------------------------------------------------------------------------------------- closing


def test_closing_writes_what_was_taken(open_journal: Open) -> None:
    journal = open_journal()
    futures = [journal.append(as_request(b"%d" % n), "p") for n in range(200)]
    assert contents(journal) == [b"%d" % n for n in range(200)]
    assert all(future.done() and future.exception() is None for future in futures)


def test_after_closing_it_refuses(open_journal: Open) -> None:
    journal = open_journal()
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="stopping"):
        journal.append(b"", "p").result(5)


def test_no_request_hangs_that_comes_while_it_closes(tmp_path: Path) -> None:
    for attempt in range(20):
        journal = Journal(tmp_path / str(attempt), max_segment_bytes=10_000, max_segment_seconds=1)
        futures: list[Future[None]] = []
        begun = threading.Event()

        def send(
            journal: Journal = journal, futures: "list[Future[None]]" = futures, begun: threading.Event = begun
        ) -> None:
            for number in range(200):
                futures.append(journal.append(as_request(b"%d" % number), "p"))
                begun.set()

        thread = threading.Thread(target=send)
        thread.start()
        begun.wait(5)
        journal.close()
        thread.join()
        kept = sum(future.exception(5) is None for future in futures)
        assert [content_of(r) for s in handed_out(journal) for r in s.records()] == [b"%d" % n for n in range(kept)]


def test_a_caller_that_gives_up_does_not_stop_the_writer(open_journal: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fdatasync

    def slow(file: int) -> None:
        time.sleep(0.1)
        real(file)

    monkeypatch.setattr(os, "fdatasync", slow)
    journal = open_journal()
    assert not journal.append(as_request(b"a"), "p").cancel()
    journal.append(as_request(b"b"), "p").result(5)
    assert contents(journal) == [b"a", b"b"]


def test_two_collectors_cannot_share_a_folder(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    journal.append(as_request(b"a"), "p").result(5)
    with pytest.raises(ConfigError, match=r"another collector uses the journal in .*--data-dir"):
        open_journal()
    journal.append(as_request(b"b"), "p").result(5)
    assert contents(journal) == [b"a", b"b"]
    assert open_journal().waiting()


# ------------------------------------------------------------------------------------------------------ recovery


def left_behind(folder: Path, *requests: bytes) -> tuple[Path, list[bytes]]:
    """A folder as a killed collector leaves it: one segment; and its records."""
    folder.mkdir()
    path = folder / "00000000000000000001-abcdef01.seg"
    records = [module._record(as_request(one), "p", path.stem) for one in requests]  # pyright: ignore[reportPrivateUsage]
    path.write_bytes(b"".join(records))
    return path, records


def test_segments_of_an_earlier_run_are_handed_out_first(open_journal: Open, tmp_path: Path) -> None:
    first = open_journal(max_segment_bytes=100)
    for number in range(3):
        first.append(as_request(b"%d" % number * 80), "p").result(5)
    first.close()
    again = open_journal()
    assert again.waiting_bytes == sum(path.stat().st_size for path in (tmp_path / "journal").iterdir()) > 0
    again.append(as_request(b"new"), "p").result(5)
    assert contents(again) == [*(b"%d" % n * 80 for n in range(3)), b"new"]


def test_a_tail_torn_anywhere_is_cut_off_and_all_before_it_kept(tmp_path: Path) -> None:
    _, records = left_behind(tmp_path / "0", b"first" * 30, b"second", b"third" * 40)
    whole = sum(map(len, records[:2]))
    for cut in range(len(records[2])):
        folder = tmp_path / f"cut{cut}"
        path, _ = left_behind(folder, b"first" * 30, b"second", b"third" * 40)
        os.truncate(path, whole + cut)
        journal = Journal(folder, max_segment_bytes=1000, max_segment_seconds=1)
        assert journal.waiting_bytes == whole
        assert contents(journal) == [b"first" * 30, b"second"]
        assert [p.name for p in folder.iterdir()] == [path.name]
        assert path.stat().st_size == whole


def test_zeros_that_a_power_failure_leaves_behind_are_cut_off(open_journal: Open, tmp_path: Path) -> None:
    path, _ = left_behind(tmp_path / "journal", b"first")
    with path.open("ab") as file:
        file.write(bytes(4096))
    assert contents(open_journal()) == [b"first"]


def test_a_file_without_a_whole_record_is_removed(open_journal: Open, tmp_path: Path) -> None:
    path, _ = left_behind(tmp_path / "journal", b"first")
    os.truncate(path, 10)
    (path.parent / "00000000000000000002-abcdef02.seg").touch()
    journal = open_journal()
    assert (journal.waiting(), list(path.parent.iterdir())) == (False, [])


def test_a_byte_that_flips_costs_its_own_record_only(tmp_path: Path) -> None:
    sent = [b"first" * 10, b"second" * 10, b"third" * 10]
    for at in range(len(left_behind(tmp_path / "0", *sent)[1][1])):
        folder = tmp_path / f"flip{at}"
        path, records = left_behind(folder, *sent)
        at += len(records[0])
        damaged = bytearray(path.read_bytes())
        damaged[at] ^= 0x55
        path.write_bytes(damaged)
        journal = Journal(folder, max_segment_bytes=1000, max_segment_seconds=1)
        assert journal.waiting_bytes == path.stat().st_size
        # Where the record's very end is hurt, the next one's beginning cannot be found.
        found = contents(journal)
        assert found in ([sent[0], sent[2]], [sent[0]])
        in_the_end = at >= len(records[0]) + len(records[1]) - len(path.stem) - 9
        assert in_the_end or found == [sent[0], sent[2]]
        if sent[2] in found:
            # what was damaged can be looked at
            assert (folder / f"{path.name}.damaged").read_bytes() == damaged
            assert path.read_bytes() == records[0] + records[2]


def test_a_record_that_a_stranger_wrote_into_a_request_is_never_taken_for_one(tmp_path: Path) -> None:
    forged = module._record(as_request(b"forged"), "other-project", "00000000000000000009-00000000")  # pyright: ignore[reportPrivateUsage]
    _, records = left_behind(tmp_path / "0", b"first", forged * 3, b"last")
    data = b"".join(records)
    for cut in range(len(records[0]), len(data)):
        folder = tmp_path / f"cut{cut}"
        path, _ = left_behind(folder, b"first")
        path.write_bytes(data[:cut])
        journal = Journal(folder, max_segment_bytes=1000, max_segment_seconds=1)
        assert contents(journal) == [b"first", forged * 3][: 1 + (cut >= len(records[0]) + len(records[1]))]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_at_all_can_be_looked_through(data: bytes) -> None:
    assert list(module._bounds(data, "seg-1")) == []  # pyright: ignore[reportPrivateUsage]
    good = module._record(b"", "p", "seg-1")  # pyright: ignore[reportPrivateUsage]
    assert list(module._bounds(good + data, "seg-1")) == [(0, len(good))]  # pyright: ignore[reportPrivateUsage]


def test_what_was_acknowledged_survives_kill_9(open_journal: Open, tmp_path: Path) -> None:
    program = """
import os, signal, sys
from pathlib import Path
from breakeven_collector.journal import Journal
journal = Journal(Path(sys.argv[1]), max_segment_bytes=5000, max_segment_seconds=0.05)
for number in range(100000):
    content = b"%d" % number
    journal.append(bytes([10, len(content)]) + content, "p").result(5)
    os.write(1, content + b"\\n")
"""
    process = subprocess.Popen([sys.executable, "-c", program, tmp_path / "journal"], stdout=subprocess.PIPE)
    assert process.stdout
    seen = [process.stdout.readline() for _ in range(150)]
    process.kill()
    seen += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    acknowledged = [line.strip() for line in seen if line.endswith(b"\n")]
    found = contents(open_journal())
    assert found[: len(acknowledged)] == acknowledged
    assert len(found) <= len(acknowledged) + 1  # the one that was written and not yet told


# ------------------------------------------------------------------------------------------------- a failing disk


class Disk:
    """Makes calls of the writing thread fail, the n-th and those after it, until it is mended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *names: str, after: int = 0, partly: bool = False) -> None:
        self.broken = True
        self.left = after
        for name in names:
            monkeypatch.setattr(os, name, self._failing(getattr(os, name), partly and name == "write"))

    def _failing(self, real: Callable[..., Any], partly: bool) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            if not self.broken or threading.current_thread().name != "breakeven-journal":
                return real(*arguments)
            self.left -= 1
            if self.left >= 0:
                return real(*arguments)
            if partly and self.left == -1:
                return real(arguments[0], arguments[1][:7])
            raise OSError(errno.ENOSPC, "No space left on device")

        return call


@pytest.mark.parametrize(
    ("calls", "partly"),
    [
        (("write",), False),
        (("write",), True),
        (("fdatasync",), False),
        (("fdatasync", "ftruncate"), False),
        (("write", "ftruncate"), True),
        (("open",), False),
        (("fsync",), False),
        (("write", "fdatasync", "ftruncate", "unlink", "open"), True),
    ],
)
def test_a_full_disk_refuses_and_loses_nothing_and_it_goes_on_once_there_is_room(
    open_journal: Open, monkeypatch: pytest.MonkeyPatch, calls: tuple[str, ...], partly: bool
) -> None:
    journal = open_journal(max_segment_seconds=0.05 if "open" in calls or "fsync" in calls else 30)
    kept = [b"kept" * 20, b"kept too"]
    for one in kept:
        journal.append(as_request(one), "p").result(5)
    if "open" in calls or "fsync" in calls:
        seconds_until(lambda: not journal.closed.empty())  # the next request needs a new segment
    disk = Disk(monkeypatch, *calls, partly=partly)
    for number in range(3):
        with pytest.raises(JournalError, match="cannot be written: No space left on device"):
            journal.append(as_request(b"refused %d" % number), "p").result(5)
    disk.broken = False
    journal.append(as_request(b"later"), "p").result(5)
    journal.close()
    segments = handed_out(journal)
    found = [content_of(r) for s in segments for r in s.records()]
    # One that was not acknowledged may stand there where it could not be taken back; it counts once.
    assert [one for one in found if not one.startswith(b"refused")] == [*kept, b"later"]
    if "ftruncate" not in calls:
        assert found == [*kept, b"later"]
        assert b"".join(r for s in segments for r in s.records()) == b"".join(s.read() for s in segments)
    for segment in segments:
        journal.shipped(segment)
    assert (journal.waiting(), journal.waiting_bytes) == (False, 0)


def test_requests_of_one_batch_that_were_synced_stay_acknowledged_when_a_later_one_fails(
    open_journal: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal(max_segment_bytes=300)
    entered, go_on = threading.Event(), threading.Event()
    real = os.fdatasync

    def slow(file: int) -> None:
        entered.set()
        assert go_on.wait(5)
        real(file)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", slow)
        first = journal.append(as_request(b"0" * 10), "p")
        assert entered.wait(5)
        # all in one batch: the first two fill a segment, the third needs the next, which fails
        rest = [journal.append(as_request(b"%d" % n * 100), "p") for n in (1, 2, 3)]
        Disk(patch, "open")
        go_on.set()
        results = [future.exception(5) for future in (first, *rest)]
    assert [isinstance(error, JournalError) for error in results] == [False, False, True, True]
    journal.append(as_request(b"later"), "p").result(5)
    assert contents(journal) == [b"0" * 10, b"1" * 100, b"later"]
