"""The key by which the command line is let in on the collector's own machine.

A running collector leaves a key in its data folder, for its user's eyes only, and takes it away when it stops. Whoever
can read the file could as well read the journal and the store beside it. It is another one at every start: one that is
left over, after a crash, opens nothing. Its name has the port: it is not shown to another program.
"""

import contextlib
import os
from pathlib import Path

from breakeven_collector.keys import Scope, new_secret


def leave(data_dir: Path, port: int) -> str:
    """Write a new key for the collector on this port; returns it.

    Raises:
        OSError: the folder cannot be written.
    """
    secret = new_secret(Scope.ADMIN)
    path = _path(data_dir, port)
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    # Made anew, so that neither an old file's mode nor a link decides who reads it.
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="ascii") as writer:
        writer.write(secret)
    new.replace(path)
    return secret


def find(data_dir: Path, port: int) -> str | None:
    """The key that the collector on this port left, if there is one and it may be read."""
    try:
        return _path(data_dir, port).read_text(encoding="ascii").strip() or None
    except (OSError, ValueError):
        return None


def take_away(data_dir: Path, port: int, secret: str) -> None:
    """Remove the file, unless it is another collector's by now."""
    if find(data_dir, port) == secret:
        with contextlib.suppress(OSError):
            _path(data_dir, port).unlink()


def _path(data_dir: Path, port: int) -> Path:
    return data_dir / f"admin-{port}.key"
