"""Requests that the store cannot take: kept for a while with the reason, so that somebody can look."""

import logging
import threading
import time
from pathlib import Path
from typing import Final

from breakeven_collector.durable_files import write_durably

_log = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS: Final = 600.0


class Quarantine:
    """A folder of requests that were set aside: `*.pb`, the record as the journal had it, and `*.txt`, why.

    Args:
        folder: made when the first one comes. Users' content is in it: only its owner may read it.
        days: how long they are kept; by the time of the file, so a clock that steps far ahead ends it early.
        also: another folder whose `*.damaged` files, originals of damaged segments, go after as many days.
    """

    def __init__(self, folder: Path, *, days: int, also: Path) -> None:
        self._folder = folder
        self._days = days
        self._also = also
        self._lock = threading.Lock()
        self._looked = -_LOOK_EVERY_SECONDS
        self.requests = 0
        """Set aside since the start."""
        self.expired_files = 0
        """Removed since the start because of their age."""

    def add(self, name: str, record: bytes, reason: str) -> None:
        """Set one aside, safely on disk. The same name again is the same request."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{name}.pb"
        known = path.exists()
        # The reason first: it may quote the content, so it stands here and nowhere else.
        write_durably(path.with_suffix(".txt"), reason.encode() + b"\n")
        write_durably(path, record)
        with self._lock:
            self.requests += not known
        _log.debug("request %s cannot be stored and was set aside in %s", name, path)

    def expire_if_due(self) -> None:
        """Remove what is too old. Costs nothing most of the time."""
        now = time.monotonic()
        if now - self._looked < _LOOK_EVERY_SECONDS:
            return
        self._looked = now
        oldest = time.time() - self._days * 86_400
        files = [*self._folder.glob("*"), *self._also.glob("*.damaged")]
        old = [file for file in files if file.stat().st_mtime < oldest]
        for file in old:
            file.unlink(missing_ok=True)
        if old:
            self.expired_files += len(old)
            _log.info("%d files of requests that were set aside went after %d days", len(old), self._days)
