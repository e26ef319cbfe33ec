"""The journal: what was acknowledged survives `kill -9`.

A request is appended to the open segment, the segment is synced to disk, and only then is the request acknowledged;
requests that come in while a sync runs share the next one. A segment is closed by size or age and is, as it is, the
body of one `INSERT … FORMAT Protobuf`: a varint length, then the request as it came, then our fields, a record after
another. The file is deleted once everything behind it has its content (see `ship`); what is there on start was not.

Record: varint length | ExportTraceServiceRequest | 1000: project | 1001: received_ns | 1002: segment | 1003: CRC-32 of
all before it, from the request on. Protobuf messages that are concatenated merge, so nothing is encoded anew.
"""

import contextlib
import fcntl
import logging
import os
import queue
import secrets
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from breakeven_collector.errors import BreakevenError, ConfigError

_log = logging.getLogger(__name__)

_CRC_TAG: Final = b"\xdd\x3e"  # field 1003, fixed32
_CRC_SIZE: Final = len(_CRC_TAG) + 4
_OWN_FIELDS: Final = b"\xc2\x3e"  # field 1000, length-delimited: where our fields begin


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

    def read(self) -> bytes:
        """The whole of it, as ClickHouse takes it."""
        return self.path.read_bytes()

    def records(self) -> Iterator[bytes]:
        """Its records, each with its length in front."""
        data = self.read()
        for start, end in _bounds(data, self.name):
            yield data[start:end]


class Journal:
    """Appends requests, from any thread.

    Args:
        folder: where segments lie; made if it is not there. Segments found in it are handed out first.
        max_segment_bytes: a segment is closed when it has this many bytes; a larger request has one of its own.
        max_segment_seconds: a segment is closed when it is this old.
        max_bytes: appending is refused while there are more bytes than this that are not shipped.

    Raises:
        ConfigError: another collector has the folder.
    """

    def __init__(
        self, folder: Path, *, max_segment_bytes: int, max_segment_seconds: float, max_bytes: int = 20_000_000_000
    ) -> None:
        self._folder = folder
        self._max_segment_bytes = max_segment_bytes
        self._max_segment_seconds = max_segment_seconds
        self._max_bytes = max_bytes
        self._incoming: queue.SimpleQueue[tuple[bytes, str, Future[None]] | None] = queue.SimpleQueue()
        self.closed: queue.SimpleQueue[Segment] = queue.SimpleQueue()
        """Segments to ship, oldest first."""
        self._file: int | None = None
        self._path = folder
        self._size = 0
        self._synced = 0
        self._opened = 0.0
        self._stopping = False
        self._lock = threading.Lock()
        self._waiting_bytes = 0
        self._waiting: dict[str, float] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._folder_lock = _lock(folder)
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
            return self._waiting_bytes

    @property
    def waiting_segments(self) -> int:
        """Closed segments that are not shipped yet."""
        with self._lock:
            return len(self._waiting)

    @property
    def oldest_waiting_seconds(self) -> float:
        """How long the oldest request waits that is not shipped yet; 0 where none does. By the monotonic clock."""
        with self._lock:
            since = list(self._waiting.values())
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
        size = segment.path.stat().st_size
        segment.path.unlink()
        with self._lock:
            self._waiting.pop(segment.name, None)
        self._count(-size)

    def _count(self, size: int) -> None:
        with self._lock:
            self._waiting_bytes += size

    def close(self) -> None:
        """Write what was taken, close the open segment, stop."""
        with self._lock:
            if self._stopping:
                return
            self._stopping = True
            self._incoming.put(None)
        self._thread.join()
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
        return max(0.0, self._opened + self._max_segment_seconds - time.monotonic())

    def _write_batch(self, batch: "list[tuple[bytes, str, Future[None]]]") -> None:
        waiting: list[Future[None]] = []
        try:
            if self.waiting_bytes > self._max_bytes:
                raise OSError(f"more than {self._max_bytes} bytes are waiting for the store")
            for request, project, done in batch:
                if self._file is not None and self._size and self._size + len(request) > self._max_segment_bytes:
                    self._sync(waiting)
                    waiting = []
                    self._close_segment()
                file = self._file
                if file is None:
                    file = self._open_segment()
                record = _record(request, project, self._path.stem)
                waiting.append(done)
                _write_all(file, record)
                self._size += len(record)
            self._sync(waiting)
        except OSError as error:
            _log.error("journal: %s: requests are refused until this is mended", error)
            self._take_back()
            refused = JournalError(f"the journal in {self._folder} cannot be written: {error.strerror or error}")
            for _, _, done in batch:
                if not done.done():
                    done.set_exception(refused)

    def _sync(self, waiting: "list[Future[None]]") -> None:
        if self._file is not None:
            os.fdatasync(self._file)
        self._synced = self._size
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
        self._path = self._folder / f"{time.time_ns():020d}-{secrets.token_hex(4)}.seg"
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        with self._lock:
            self._size = self._synced = 0
            self._opened = time.monotonic()
            self._file = file
        _sync_folder(self._folder)
        return file

    def _close_segment(self) -> None:
        if self._file is None:
            return
        # Counted before it is closed: `waiting` must not miss it in between.
        self._count(self._size)
        if self._size:
            with self._lock:
                self._waiting[self._path.stem] = self._opened
        # On a broken disk closing may fail too; the thread must outlive that.
        with contextlib.suppress(OSError):
            os.close(self._file)
        self._file = None
        if self._size:
            self.closed.put(Segment(self._path))
        else:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _recover(self) -> None:
        """Hand out what an earlier run left; a record that was torn by a crash was never acknowledged."""
        for path in sorted(self._folder.glob("*.seg")):
            written = path.stat().st_mtime
            data = path.read_bytes()
            bounds = list(_bounds(data, path.stem))
            good = sum(end - start for start, end in bounds)
            if bounds and good < bounds[-1][1]:
                # Not torn but damaged on disk, with whole records behind: those are kept, and so is the evidence.
                _log.error("journal: %s is damaged; it is kept as %s.damaged", path.name, path.name)
                _replace(path.with_name(path.name + ".damaged"), data)
                _replace(path, b"".join(data[start:end] for start, end in bounds))
            elif good < len(data):
                _log.warning("journal: %s: %d bytes of an unfinished record cut off", path.name, len(data) - good)
                os.truncate(path, good)
            if good:
                self._count(good)
                self._waiting[path.stem] = time.monotonic() - max(0.0, time.time() - written)
                self.closed.put(Segment(path))
            else:
                path.unlink()


_NOTHING: Final = (b"", "", Future[None]())


def rewritten(record: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The record with its request replaced by `change(request)`; our own fields stay as they are."""
    body = record[_skip_varint(record, 0) : -_CRC_SIZE]
    fields = body.rindex(_OWN_FIELDS)
    return _framed(change(body[:fields]) + body[fields:])


def _record(request: bytes, project: str, segment: str) -> bytes:
    return _framed(
        b"".join((request, _string(1000, project), _varint(1001 << 3), _varint(time.time_ns()), _string(1002, segment)))
    )


def _framed(body: bytes) -> bytes:
    return b"".join((_varint(len(body) + _CRC_SIZE), body, _CRC_TAG, zlib.crc32(body).to_bytes(4, "little")))


def _string(field: int, text: str) -> bytes:
    data = text.encode()
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _bounds(data: bytes, segment: str) -> Iterator[tuple[int, int]]:
    """Start and end of each whole record; what lies between and behind them is damaged or torn."""
    # Every record ends with this. It holds the segment's name, so a stranger who writes whole records into a request
    # cannot make them be found here.
    last = _string(1002, segment) + _CRC_TAG
    at = 0
    while at < len(data):
        end = _end_of_record(data, at)
        if end:
            yield at, end
            at = end
        else:
            # The next can only begin where another ended.
            found = data.find(last, at)
            if found < 0:
                return
            at = found + len(last) + 4


def _end_of_record(data: bytes, at: int) -> int:
    """Where the record that begins here ends; 0 if there is no whole one."""
    length = shift = 0
    while True:
        if at >= len(data) or shift > 35:
            return 0
        byte = data[at]
        at += 1
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    end = at + length
    crc_at = end - _CRC_SIZE
    if end > len(data) or crc_at < at or data[crc_at : crc_at + 2] != _CRC_TAG:
        return 0
    return end if zlib.crc32(data[at:crc_at]).to_bytes(4, "little") == data[crc_at + 2 : end] else 0


def _skip_varint(data: bytes, at: int) -> int:
    while data[at] >= 128:
        at += 1
    return at + 1


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _replace(path: Path, data: bytes) -> None:
    new = path.with_suffix(".new")
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        _write_all(file, data)
        os.fsync(file)
    finally:
        os.close(file)
    new.replace(path)
    _sync_folder(path.parent)


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


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
