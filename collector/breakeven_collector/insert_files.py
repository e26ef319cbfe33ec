"""Files from which the embedded engine reads what is inserted.

The client's own lie wherever temporary files do, and stay there when the process is killed, with all that calls said.
"""

import contextlib
import os
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Final

_PREFIX: Final = "insert-"


@contextlib.contextmanager
def insert_file(folder: Path, data: bytes) -> Generator[str]:
    """A file in the store's folder with this in it, for its user alone; its path as a text of SQL. Gone afterwards.

    Raises:
        OSError: it cannot be written.
    """
    with tempfile.NamedTemporaryFile(prefix=_PREFIX, dir=folder) as file:
        file.write(data)
        file.flush()
        path = os.fspath(Path(file.name).absolute())
        yield "'" + path.replace("\\", "\\\\").replace("'", "\\'") + "'"


def sweep(folder: Path) -> None:
    """Remove what a process left here that was killed. Only for who has the store to itself."""
    for left in folder.glob(f"{_PREFIX}*"):
        left.unlink(missing_ok=True)
