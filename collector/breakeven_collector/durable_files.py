"""Files that are on disk when a function returns."""

import os
from pathlib import Path


def write_all(file: int, data: bytes) -> None:
    """Write all of it, or raise OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def write_durably(path: Path, data: bytes) -> None:
    """Write a file that only its owner reads: whole and synced, or not at all."""
    new = path.with_suffix(".new")
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        write_all(file, data)
        os.fsync(file)
    finally:
        os.close(file)
    new.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Bring a file's content to disk, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
