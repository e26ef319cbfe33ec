"""The journal: what was acknowledged survives `kill -9`.

A request is appended to the open segment, the segment is synced to disk, and only then is the request acknowledged;
requests that come in while a sync runs share the next one. A segment is closed by size or age and is, as it is, the
body of one `INSERT … FORMAT Protobuf`: a record after another (see `records`). The file is deleted once everything
behind it has its content (see `ship`); what is there on start was not. A request that was kept already (see `recent`)
is acknowledged and not written once more.
"""

import contextlib
import fcntl
import logging
import os
import queue
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from breakeven_collector import records
from breakeven_collector.durable_files import sync, write_all, write_durably
from breakeven_collector.errors import BreakevenError, ConfigError
from breakeven_collector.recent import RecentRequests, digest

_log = logging.getLogger(__name__)

_ENOUGH_CLOSED: Final = 4
"""While so many segments wait, the open one grows to its full size: nothing would take it sooner, and after a long
outage there are few large segments and not a small one for every half second."""


class JournalError(BreakevenError):
    """The request could not be written; it was not acknowledged and may be sent again."""


@dataclass(frozen=True)
class Segment:
    """A closed file of requests."""

    path: Path

    @property
    def name(self) -> str:
        """Its name: what `segment_slices` and the deduplication know it by."""
        return self.path.stem

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size

    def read(self) -> bytes:
        """The whole of it, as ClickHouse takes it."""
        return self.path.read_bytes()

    def records(self) -> Iterator[bytes]:
        """Its records, each with its length in front."""
        data = self.read()
        for start, end in records.bounds(data, self.name):
            yield data[start:end]


class Journal:
    """Appends requests, from any thread.

    Args:
        folder: where segments lie; made if it is not there. Segments found in it are handed out first.
        max_segment_bytes: a segment is closed when it has this many bytes; a larger request has one of its own.
        max_segment_seconds: a segment is closed when it is this old.
        max_bytes: appending is refused where there would be more bytes than this that are not shipped.
        min_free_bytes: appending is refused where less than this would be free on the disk: an embedded store needs
            room on it to take what waits.
        recent: requests of late; those of an earlier run too, where it has a folder. Closed with the journal.

    Raises:
        ConfigError: another collector has the folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_segment_bytes: int,
        max_segment_seconds: float,
        max_bytes: int = 20_000_000_000,
        min_free_bytes: int = 0,
        recent: RecentRequests | None = None,
    ) -> None:
        self._folder = folder
        self._max_segment_bytes = max_segment_bytes
        self._max_segment_seconds = max_segment_seconds
        self._max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes
        self._incoming: queue.SimpleQueue[tuple[bytes, str, Future[None]] | None] = queue.SimpleQueue()
        self.closed: queue.SimpleQueue[Segment] = queue.SimpleQueue()
        """Segments to ship, oldest first."""
        self.resent_requests = 0
        """Requests since the start that were kept before: acknowledged, and not written again."""
        self._file: int | None = None
        self._path = folder
        self._size = 0
        self._synced = 0
        self._opened = 0.0
        self._last_name = 0
        self._refusing = ""
        self._stopping = False
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[int, float]] = {}
        self._waiting_bytes = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._folder_lock = _lock(folder)
        self._recent = RecentRequests() if recent is None else recent
        self._recover()
        self._thread = threading.Thread(target=self._write, name="breakeven-journal", daemon=True)
        self._thread.start()

    def append(self, request: bytes, project: str) -> "Future[None]":
        """Write one request; the future is done when it is safe on disk, or holds a JournalError."""
        done: Future[None] = Future()
        # From here on it cannot be cancelled: a client that leaves must not stop the writing thread.
        done.set_running_or_notify_cancel()
        with self._lock:
            if not self._stopping:
                self._incoming.put((request, project, done))
                return done
        done.set_exception(JournalError("the collector is stopping"))
        return done

    @property
    def waiting_bytes(self) -> int:
        """Size of what is not shipped yet."""
        with self._lock:
            return self._waiting_bytes + (self._size if self._file is not None else 0)

    @property
    def waiting_segments(self) -> int:
        """Closed segments that are not shipped yet."""
        with self._lock:
            return len(self._waiting)

    @property
    def oldest_waiting_seconds(self) -> float:
        """How long the oldest request waits that is not shipped yet, whatever the clock does; 0 where none waits."""
        with self._lock:
            since = [opened for _, opened in self._waiting.values()]
            if self._file is not None:
                since.append(self._opened)
        return time.monotonic() - min(since) if since else 0.0

    @property
    def max_bytes(self) -> int:
        """What may wait at most; beyond it requests are refused."""
        return self._max_bytes

    def waiting(self) -> bool:
        """Something was taken that is not shipped yet."""
        return not self._incoming.empty() or self._file is not None or self.waiting_bytes > 0

    def shipped(self, segment: Segment) -> None:
        """Everything behind the journal has the segment's content: remove the file."""
        # Where one of many cannot be removed, all are done again, and some are gone then.
        segment.path.unlink(missing_ok=True)
        with self._lock:
            self._waiting_bytes -= self._waiting.pop(segment.name, (0, 0.0))[0]

    def hand_out(self, segment: Segment, opened: float) -> None:
        """Give a closed segment to be shipped.

        Args:
            segment: the segment.
            opened: when its first request came, by the monotonic clock.
        """
        with self._lock:
            self._count(segment, segment.size, opened)
        self.closed.put(segment)

    def _count(self, segment: Segment, size: int, opened: float) -> None:
        self._waiting[segment.name] = (size, opened)
        self._waiting_bytes += size

    def close(self) -> None:
        """Write what was taken, close the open segment, stop."""
        with self._lock:
            if self._stopping:
                return
            self._stopping = True
            self._incoming.put(None)
        self._thread.join()
        self._recent.close()
        os.close(self._folder_lock)

    # ------------------------------------------------------------------------------------------ the writing thread

    def _write(self) -> None:
        running = True
        while running:
            batch: list[tuple[bytes, str, Future[None]]] = []
            size = 0
            item = self._next(self._time_left())
            while item is not None and item is not _NOTHING:
                batch.append(item)
                size += len(item[0])
                if size >= self._max_segment_bytes:
                    break
                item = self._next(0)
            running = item is not None
            if batch:
                self._write_batch(batch)
            if self._file is not None and (not running or self._time_left() == 0):
                self._close_segment()

    def _next(self, timeout: float | None) -> "tuple[bytes, str, Future[None]] | None":
        try:
            return self._incoming.get(block=timeout != 0, timeout=timeout)
        except queue.Empty:
            return _NOTHING

    def _time_left(self) -> float | None:
        if self._file is None:
            return None
        left = max(0.0, self._opened + self._max_segment_seconds - time.monotonic())
        return max(left, 0.05) if self.closed.qsize() >= _ENOUGH_CLOSED else left

    def _write_batch(self, batch: "list[tuple[bytes, str, Future[None]]]") -> None:
        # Requests that are the same share one record, and one answer.
        fresh: dict[bytes, tuple[bytes, str, list[Future[None]]]] = {}
        for request, project, done in batch:
            known_by = digest(request, project)
            if known_by in self._recent:
                self.resent_requests += 1
                done.set_result(None)
            elif known_by in fresh:
                fresh[known_by][2].append(done)
            else:
                fresh[known_by] = (request, project, [done])
        written: dict[bytes, list[Future[None]]] = {}
        try:
            self._require_room(sum(len(request) for request, _, _ in fresh.values()))
            for known_by, (request, project, waiting) in fresh.items():
                if self._file is not None and self._size and self._size + len(request) > self._max_segment_bytes:
                    self._sync(written)
                    written = {}
                    self._close_segment()
                file = self._file
                if file is None:
                    file = self._open_segment()
                record = records.record(request, project, self._path.stem)
                written[known_by] = waiting
                write_all(file, record)
                self._size += len(record)
            self._sync(written)
        except OSError as error:
            reason = str(error.strerror or error)
            if reason != self._refusing:
                _log.error("journal: %s: requests are refused until this is mended", reason)
                self._refusing = reason
            self._take_back()
            refused = JournalError(f"the journal in {self._folder} cannot be written: {reason}")
            for _, _, waiting in fresh.values():
                for done in waiting:
                    if not done.done():
                        done.set_exception(refused)
        else:
            if fresh and self._refusing:
                _log.warning("journal: requests are taken again")
                self._refusing = ""

    def _require_room(self, size: int) -> None:
        if size and self.waiting_bytes + size > self._max_bytes:
            raise OSError(f"more than {self._max_bytes} bytes would wait for the store")
        if size and self._min_free_bytes:
            disk = os.statvfs(self._folder)
            if disk.f_bavail * disk.f_frsize - size < self._min_free_bytes:
                raise OSError(f"less than {self._min_free_bytes} bytes would be free on the disk")

    def _sync(self, written: "dict[bytes, list[Future[None]]]") -> None:
        if not written:
            return
        if self._file is not None:
            os.fdatasync(self._file)
        self._synced = self._size
        # Only now may one that comes again be answered at once.
        self._recent.add(written)
        for waiting in written.values():
            self.resent_requests += len(waiting) - 1
            for done in waiting:
                done.set_result(None)

    def _take_back(self) -> None:
        """After a failed write: cut off what was not acknowledged; a new segment is begun."""
        if self._file is None:
            return
        try:
            os.ftruncate(self._file, self._synced)
            os.fdatasync(self._file)
            self._size = self._synced
        except OSError as error:
            # What is left is either a whole record, which will be shipped and then sent again, or a torn one.
            _log.error("journal: %s could not be cut back to %d bytes: %s", self._path.name, self._synced, error)
            with contextlib.suppress(OSError):
                self._size = os.fstat(self._file).st_size
        self._close_segment()

    def _open_segment(self) -> int:
        # The names are in order though the clock may step back.
        self._last_name = max(time.time_ns(), self._last_name + 1)
        path = self._folder / f"{self._last_name:020d}-{secrets.token_hex(4)}.seg"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        with self._lock:
            self._path, self._file = path, file
            self._size = self._synced = 0
            self._opened = time.monotonic()
        sync(self._folder)
        return file

    def _close_segment(self) -> None:
        if self._file is None:
            return
        # On a broken disk closing may fail too; the thread must outlive that.
        with contextlib.suppress(OSError):
            os.close(self._file)
        segment, size = Segment(self._path), self._size
        with self._lock:
            # In one step: `waiting` must not miss it in between.
            self._file = None
            if size:
                self._count(segment, size, self._opened)
        if size:
            self.closed.put(segment)
        else:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _recover(self) -> None:
        """Hand out what an earlier run left; a record that was torn by a crash was never acknowledged."""
        now, wall = time.monotonic(), time.time()
        for unfinished in self._folder.glob("*.new"):
            unfinished.unlink()
        paths = sorted(self._folder.glob("*.seg"))
        if paths:
            _log.info("journal: %d segments wait from an earlier run", len(paths))
        for path in paths:
            # One after another: there may be more than memory holds.
            data = path.read_bytes()
            opened = now - max(0.0, wall - path.stat().st_mtime)
            bounds = self._mend(path, data)
            if name := path.stem.partition("-")[0]:
                self._last_name = max(self._last_name, int(name) if name.isdecimal() else 0)
            if bounds:
                # A record that was not synced yet is there after kill -9. Sent again, it is acknowledged: so sync it.
                sync(path)
                self._recent.add(digest(*records.content(data[start:end])) for start, end in bounds)
                self.hand_out(Segment(path), opened)
            else:
                path.unlink()

    def _mend(self, path: Path, data: bytes) -> list[tuple[int, int]]:
        """Take out of the file what is not a whole record; where in `data` the whole ones begin and end."""
        bounds = list(records.bounds(data, path.stem))
        good = sum(end - start for start, end in bounds)
        if bounds and good < bounds[-1][1]:
            # Not torn but damaged on disk, with whole records behind: those are kept, and so is the evidence.
            _log.error("journal: %s is damaged; it is kept as %s.damaged", path.name, path.name)
            write_durably(path.with_name(path.name + ".damaged"), data)
            write_durably(path, b"".join(data[start:end] for start, end in bounds))
        elif good < len(data):
            _log.warning("journal: %s: %d bytes of an unfinished record cut off", path.name, len(data) - good)
            os.truncate(path, good)
        return bounds


_NOTHING: Final = (b"", "", Future[None]())


def _lock(folder: Path) -> int:
    """Two collectors on one folder would ship and delete each other's open segments."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise ConfigError(
            f"another collector uses the journal in {folder}: give each its own --data-dir, or stop the other"
        ) from None
    return descriptor
