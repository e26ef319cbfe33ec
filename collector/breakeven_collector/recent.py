"""Which requests were kept of late, so that a client that sends one again after a lost reply adds nothing.

A request is known by the SHA-256 of its project and body, cut to 16 bytes. The memory holds between N and 2 N of them
in two generations: when the younger is full it becomes the older, and the older goes. Nothing depends on a clock.

On disk the generations are two files of digests, written after the journal has synced the requests, so they never name
one that was not kept. They are not synced themselves: `kill -9` leaves them whole, and what a power failure takes from
them is told apart later, by the identity of each call.
"""

import hashlib
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)

_SIZE: Final = 16


def digest(request: bytes, project: str) -> bytes:
    """What a request is known by, 16 bytes."""
    sha = hashlib.sha256(project.encode() + b"\0")
    sha.update(request)
    return sha.digest()[:_SIZE]


class RecentRequests:
    """Digests of the requests that were kept last. Used by one thread at a time.

    Args:
        folder: where they are kept from one start to the next; None: in memory only.
        store_id: the store that the requests go to. What was sent to another one is forgotten: there a resend is new.
        at_least: how many are remembered for certain; there may be twice as many, 110 bytes of memory each.
    """

    def __init__(self, folder: Path | None = None, *, store_id: str = "", at_least: int = 100_000) -> None:
        self._folder = folder
        self._store = hashlib.sha256(store_id.encode()).digest()[:_SIZE]
        self._at_least = at_least
        self._file: int | None = None
        self._old: set[bytes] = set()
        self._new: set[bytes] = set()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._old = self._read("old")
            self._new = self._read("new")
            self._begin(self._new)

    def __contains__(self, known_by: bytes) -> bool:
        return known_by in self._new or known_by in self._old

    def __len__(self) -> int:
        return len(self._new) + len(self._old)

    def add(self, kept: Iterable[bytes]) -> None:
        """Remember requests that are safe on disk."""
        fresh = [one for one in kept if one not in self._new]
        self._new.update(fresh)
        self._write(b"".join(fresh))
        if len(self._new) >= self._at_least:
            self._turn()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _turn(self) -> None:
        self.close()
        self._old, self._new = self._new, set()
        if self._folder is not None:
            try:
                (self._folder / "new").replace(self._folder / "old")
            except OSError as error:
                _log.warning("what was sent of late is not remembered beyond a restart: %s", error)
            self._begin(())

    def _read(self, name: str) -> set[bytes]:
        assert self._folder is not None
        try:
            data = (self._folder / name).read_bytes()
        except OSError:
            return set()
        if data[:_SIZE] != self._store:
            return set()
        return {data[at : at + _SIZE] for at in range(_SIZE, len(data) - _SIZE + 1, _SIZE)}

    def _begin(self, held: Iterable[bytes]) -> None:
        """Write the younger generation's file anew; what follows is appended."""
        assert self._folder is not None
        try:
            self._file = os.open(self._folder / "new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        except OSError as error:
            _log.warning("what was sent of late is not remembered beyond a restart: %s", error)
            return
        self._write(self._store + b"".join(held))

    def _write(self, data: bytes) -> None:
        """Append, whole or not at all. A disk that is full costs only the memory beyond a restart."""
        if self._file is None or not data:
            return
        before = os.fstat(self._file).st_size
        try:
            if os.write(self._file, data) != len(data):
                os.ftruncate(self._file, before)
        except OSError:
            return
