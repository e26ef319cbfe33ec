"""The journal keeps what it acknowledged, and nothing that it did not."""

import os
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import pytest
from breakeven_collector import records
from breakeven_collector.errors import ConfigError
from breakeven_collector.journal import Journal, JournalError, Segment
from breakeven_collector.records import rewritten
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.collector.journals import RECORD, Open, as_request, content_of, contents, handed_out, seconds_until

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
    made = [records.record(as_request(content), project, "seg-1") for content, project in requests]
    data = b"".join(made)
    bounds = list(records.bounds(data, "seg-1"))
    assert [data[start:end] for start, end in bounds] == made
    assert [records.content(record) for record in made] == [(as_request(c), project) for c, project in requests]
    assert [content_of(record) for record in made] == [content for content, _ in requests]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=300), st.text(st.characters(codec="utf-8"), max_size=20))
def test_a_rewritten_record_keeps_our_fields(old: bytes, new: bytes, project: str) -> None:
    # our own tags inside the request must not be taken for the end of it
    tags = b"\xc2\x3e\x05other\xc8\x3e\x01\xd2\x3e\x01x\xdd\x3e1234"
    for content, changed in ((old, new), (old + tags, new), (old, tags + new), (tags, tags)):
        record = records.record(as_request(content), project, "seg-1")
        seen: list[bytes] = []

        def change(request: bytes, seen: list[bytes] = seen, changed: bytes = changed) -> bytes:
            seen.append(request)
            return as_request(changed)

        result = rewritten(record, change)
        assert seen == [as_request(content)]
        (bounds,) = list(records.bounds(result, "seg-1"))
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
    journal = open_journal(max_segment_seconds=2)
    journal.append(as_request(b"a"), "p").result(5)
    assert journal.closed.empty()
    time.sleep(1.5)
    journal.append(as_request(b"b"), "p").result(5)  # does not make it younger
    assert 0.02 < seconds_until(lambda: not journal.closed.empty()) < 1.9
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


def test_it_refuses_when_too_much_would_wait_and_goes_on_when_that_is_shipped(open_journal: Open) -> None:
    journal = open_journal(max_segment_seconds=0.02, max_bytes=300)
    journal.append(as_request(b"a" * 200), "p").result(5)
    for _ in range(2):  # before its segment is closed, and after
        with pytest.raises(JournalError, match="more than 300 bytes would wait"):
            journal.append(as_request(b"b" * 100), "p").result(5)
        seconds_until(lambda: not journal.closed.empty())
    segment = journal.closed.get(timeout=5)
    journal.shipped(segment)
    journal.append(as_request(b"c"), "p").result(5)
    assert contents(journal) == [b"c"]


def test_it_refuses_when_the_disk_is_nearly_full(open_journal: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = SimpleNamespace(f_bavail=10, f_frsize=4096)

    def statvfs(_: object) -> SimpleNamespace:
        return disk

    monkeypatch.setattr(os, "statvfs", statvfs)
    journal = open_journal(min_free_bytes=40_000)
    journal.append(as_request(b"a" * 200), "p").result(5)
    disk.f_bavail = 9
    with pytest.raises(JournalError, match="less than 40000 bytes would be free on the disk"):
        journal.append(as_request(b"b"), "p").result(5)
    disk.f_bavail = 10
    journal.append(as_request(b"c"), "p").result(5)
    assert contents(journal) == [b"a" * 200, b"c"]


def test_it_says_once_that_it_refuses_and_once_that_it_goes_on(
    open_journal: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING")
    journal = open_journal(max_segment_seconds=0.02, max_bytes=300)
    journal.append(as_request(b"a" * 200), "p").result(5)
    for number in range(20):
        with pytest.raises(JournalError):
            journal.append(as_request(b"secret%d" % number * 20), "p").result(5)
    journal.shipped(journal.closed.get(timeout=5))
    journal.append(as_request(b"c"), "p").result(5)
    journal.close()
    assert [record.message for record in caplog.records] == [
        "journal: more than 300 bytes would wait for the store: requests are refused until this is mended",
        "journal: requests are taken again",
    ]


def test_while_much_waits_segments_grow_to_their_full_size(open_journal: Open) -> None:
    journal = open_journal(max_segment_seconds=0.01, max_segment_bytes=2000)
    for number in range(60):
        journal.append(as_request(b"%04d" % number * 20), "p").result(5)
        time.sleep(0.012)
    time.sleep(0.1)
    # Nobody takes them: a few small ones, and then none before it is full.
    assert 6 <= journal.waiting_segments <= 12
    while journal.waiting():
        journal.shipped(journal.closed.get(timeout=5))


def test_names_stay_in_order_and_ages_right_though_the_clock_steps(
    open_journal: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time_ns
    day = 86_400 * 10**9
    journal = open_journal(max_segment_bytes=100)
    steps = [0, 3 * day, -400 * day, 90_000 * day, 0]  # 2262 is not reached
    for number, step in enumerate(steps):
        monkeypatch.setattr(time, "time_ns", lambda step=step: real() + step)
        journal.append(as_request(b"%d" % number * 80), "p").result(5)
    assert 0 <= journal.oldest_waiting_seconds < 5
    journal.close()
    segments = handed_out(journal)
    assert [s.name for s in segments] == sorted(s.name for s in segments)
    for segment in segments:
        journal.closed.put(segment)
    monkeypatch.undo()
    again = open_journal(max_segment_bytes=100)
    again.append(as_request(b"5" * 80), "p").result(5)
    assert contents(again) == [b"%d" % number * 80 for number in range(6)]


def test_the_age_of_the_oldest_survives_a_restart(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    assert journal.oldest_waiting_seconds == 0
    journal.append(as_request(b"a"), "p").result(5)
    assert 0 < journal.oldest_waiting_seconds < 5
    journal.close()
    (path,) = (tmp_path / "journal").glob("*.seg")
    for step, expected in ((-3600, 3600), (3600, 0)):  # an hour ago; in the future, as after a step back
        os.utime(path, (time.time() + step, time.time() + step))
        again = open_journal()
        assert expected <= again.oldest_waiting_seconds < expected + 5
        again.close()


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
