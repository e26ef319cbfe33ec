"""Folders that hold the bill."""

from pathlib import Path


def make_private(folder: Path) -> None:
    """Make a folder, and what is missing above it, for its user alone; one that is there stays as it is.

    Raises:
        OSError: it cannot be made.
    """
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
