"""A request that is sent again after a lost answer adds nothing, and is not answered before the first is safe."""

import os
import threading
import time
from pathlib import Path

import pytest
from breakeven_collector.journal import JournalError
from breakeven_collector.recent import RecentRequests, digest

from tests.collector.journals import Open, as_request, contents, handed_out, seconds_until

A, B = as_request(b"a" * 50), as_request(b"b" * 50)


def remembering(folder: Path, **more: int | str) -> RecentRequests:
    return RecentRequests(folder, **{"store_id": "one", **more})  # pyright: ignore[reportArgumentType]


# ----------------------------------------------------------------------------------------------------- in a journal


def test_a_request_that_is_sent_again_is_acknowledged_and_counted_and_not_kept_twice(open_journal: Open) -> None:
    journal = open_journal()
    for request in (A, B, A, A):
        journal.append(request, "p").result(5)
    assert journal.resent_requests == 2
    assert contents(journal) == [b"a" * 50, b"b" * 50]


def test_the_same_body_in_another_project_is_another_request(open_journal: Open) -> None:
    journal = open_journal()
    for project in ("p", "q", "p"):
        journal.append(A, project).result(5)
    assert journal.resent_requests == 1
    assert contents(journal) == [b"a" * 50] * 2


def test_one_that_is_sent_again_while_the_first_is_being_synced_waits_for_that(
    open_journal: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go_on = threading.Event(), threading.Event()
    real = os.fdatasync

    def slow(file: int) -> None:
        entered.set()
        assert go_on.wait(5)
        real(file)

    monkeypatch.setattr(os, "fdatasync", slow)
    journal = open_journal()
    first = journal.append(A, "p")
    assert entered.wait(5)
    again = journal.append(A, "p")
    time.sleep(0.05)
    assert not first.done()
    assert not again.done()
    go_on.set()
    first.result(5)
    again.result(5)
    assert journal.resent_requests == 1
    assert contents(journal) == [b"a" * 50]


def test_two_that_come_at_once_share_a_record_and_its_fate(open_journal: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = open_journal()
    entered, go_on = threading.Event(), threading.Event()
    real = os.fdatasync
    fail = [False, True, False]

    def sync(file: int) -> None:
        entered.set()
        assert go_on.wait(5)
        if fail.pop(0):
            raise OSError(28, "No space left on device")
        real(file)

    monkeypatch.setattr(os, "fdatasync", sync)
    journal.append(B, "p")
    assert entered.wait(5)
    twins = [journal.append(A, "p"), journal.append(A, "p")]  # both in the next batch
    go_on.set()
    for twin in twins:
        with pytest.raises(JournalError, match="No space left"):
            twin.result(5)
    monkeypatch.undo()
    assert journal.resent_requests == 0
    journal.append(A, "p").result(5)  # what was refused is not remembered
    assert journal.resent_requests == 0
    assert contents(journal) == [b"b" * 50, b"a" * 50]


def test_one_that_was_kept_is_acknowledged_though_no_more_can_be_kept(open_journal: Open) -> None:
    journal = open_journal(max_bytes=150)
    journal.append(A, "p").result(5)
    with pytest.raises(JournalError):
        journal.append(B, "p").result(5)
    journal.append(A, "p").result(5)
    assert journal.resent_requests == 1


# -------------------------------------------------------------------------------------------------- across a restart


def test_what_waits_in_the_journal_is_known_again_after_a_restart(open_journal: Open) -> None:
    first = open_journal()
    for project in ("p", "prøject" * 30):
        first.append(A, project).result(5)
    first.close()
    second = open_journal()
    for project in ("p", "prøject" * 30, "q"):
        second.append(A, project).result(5)
    assert second.resent_requests == 2
    assert contents(second) == [b"a" * 50] * 3


def test_what_was_shipped_is_known_again_after_a_restart(open_journal: Open, tmp_path: Path) -> None:
    first = open_journal(max_segment_seconds=0.02, recent=remembering(tmp_path / "recent"))
    first.append(A, "p").result(5)
    seconds_until(lambda: not first.closed.empty())
    for segment in handed_out(first):
        first.shipped(segment)
    first.close()
    second = open_journal(recent=remembering(tmp_path / "recent"))
    second.append(A, "p").result(5)
    assert (second.resent_requests, contents(second)) == (1, [])


def test_a_store_that_was_made_anew_gets_what_the_old_one_had(tmp_path: Path) -> None:
    remembering(tmp_path).add([digest(A, "p")])
    assert digest(A, "p") in remembering(tmp_path)
    assert digest(A, "p") not in remembering(tmp_path, store_id="two")
    assert digest(A, "p") not in remembering(tmp_path)


def test_a_torn_or_foreign_file_of_digests_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    known = [digest(b"%d" % n, "p") for n in range(10)]
    recent = remembering(tmp_path)
    recent.add(known)
    recent.close()
    os.truncate(tmp_path / "new", 16 + 9 * 16 + 5)
    again = remembering(tmp_path)
    assert [one in again for one in known] == [True] * 9 + [False]
    again.add(known)
    again.close()
    assert all(one in remembering(tmp_path) for one in known)
    (tmp_path / "new").write_bytes(b"something else")
    assert len(remembering(tmp_path)) == 0


# ----------------------------------------------------------------------------------------------------------- bounds


def test_the_memory_is_bounded_and_holds_the_last_ones_for_certain(tmp_path: Path) -> None:
    recent = remembering(tmp_path, at_least=100)
    known = [digest(b"%d" % n, "p") for n in range(1050)]
    for at in range(0, 1050, 7):
        recent.add(known[at : at + 7])
        assert len(recent) <= 207
        assert all(one in recent for one in known[max(0, at - 93) : at + 7])
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 16 * 209
    recent.close()
    again = remembering(tmp_path, at_least=100)
    assert [one in again for one in known] == [one in recent for one in known]


def test_a_disk_that_is_full_costs_the_memory_beyond_a_restart_and_no_request(
    open_journal: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recent = remembering(tmp_path / "recent")
    journal = open_journal(recent=recent)
    journal.append(A, "p").result(5)
    file = os.open(tmp_path / "recent" / "new", os.O_RDONLY)
    inode = os.fstat(file).st_ino
    os.close(file)
    real = os.write

    def write(descriptor: int, data: bytes) -> int:
        if os.fstat(descriptor).st_ino == inode:
            return real(descriptor, data[:5])  # as it is when the last block fills
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    journal.append(B, "p").result(5)
    monkeypatch.undo()
    journal.append(B, "p").result(5)
    assert journal.resent_requests == 1
    journal.close()
    again = remembering(tmp_path / "recent")
    assert (digest(A, "p") in again, digest(B, "p") in again) == (True, False)
