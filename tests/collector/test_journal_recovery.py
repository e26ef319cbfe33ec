"""The journal after a crash, after damage, and on a disk that fails: what it acknowledged is still there."""

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector import records
from breakeven_collector.journal import Journal, JournalError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.collector.journals import Open, as_request, content_of, contents, handed_out, seconds_until

# ------------------------------------------------------------------------------------------------------ recovery


def left_behind(folder: Path, *requests: bytes) -> tuple[Path, list[bytes]]:
    """A folder as a killed collector leaves it: one segment; and its records."""
    folder.mkdir()
    path = folder / "00000000000000000001-abcdef01.seg"
    made = [records.record(as_request(one), "p", path.stem) for one in requests]
    path.write_bytes(b"".join(made))
    return path, made


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
    _, made = left_behind(tmp_path / "0", b"first" * 30, b"second", b"third" * 40)
    whole = sum(map(len, made[:2]))
    for cut in range(len(made[2])):
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
        path, made = left_behind(folder, *sent)
        at += len(made[0])
        damaged = bytearray(path.read_bytes())
        damaged[at] ^= 0x55
        path.write_bytes(damaged)
        journal = Journal(folder, max_segment_bytes=1000, max_segment_seconds=1)
        assert journal.waiting_bytes == path.stat().st_size
        # Where the record's very end is hurt, the next one's beginning cannot be found.
        found = contents(journal)
        assert found in ([sent[0], sent[2]], [sent[0]])
        in_the_end = at >= len(made[0]) + len(made[1]) - len(path.stem) - 9
        assert in_the_end or found == [sent[0], sent[2]]
        if sent[2] in found:
            # what was damaged can be looked at
            assert (folder / f"{path.name}.damaged").read_bytes() == damaged
            assert path.read_bytes() == made[0] + made[2]


def test_a_record_that_a_stranger_wrote_into_a_request_is_never_taken_for_one(tmp_path: Path) -> None:
    forged = records.record(as_request(b"forged"), "other-project", "00000000000000000009-00000000")
    _, made = left_behind(tmp_path / "0", b"first", forged * 3, b"last")
    data = b"".join(made)
    for cut in range(len(made[0]), len(data)):
        folder = tmp_path / f"cut{cut}"
        path, _ = left_behind(folder, b"first")
        path.write_bytes(data[:cut])
        journal = Journal(folder, max_segment_bytes=1000, max_segment_seconds=1)
        assert contents(journal) == [b"first", forged * 3][: 1 + (cut >= len(made[0]) + len(made[1]))]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_at_all_can_be_looked_through(data: bytes) -> None:
    assert list(records.bounds(data, "seg-1")) == []
    good = records.record(b"", "p", "seg-1")
    assert list(records.bounds(good + data, "seg-1")) == [(0, len(good))]


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


def test_what_an_unfinished_mending_left_is_removed(open_journal: Open, tmp_path: Path) -> None:
    path, _ = left_behind(tmp_path / "journal", b"first")
    path.with_suffix(".new").write_bytes(b"half of it")
    assert contents(open_journal()) == [b"first"]
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_what_is_found_is_synced_before_a_resend_of_it_is_acknowledged(
    open_journal: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = left_behind(tmp_path / "journal", b"first")
    synced: list[int] = []
    real = os.fsync

    def fsync(file: int) -> None:
        synced.append(os.fstat(file).st_ino)
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    journal = open_journal()
    assert path.stat().st_ino in synced
    journal.append(as_request(b"first"), "p").result(5)
    assert journal.resent_requests == 1


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
