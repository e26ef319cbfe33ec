"""Where the files of a backup lie: in one tar, or in a folder."""

import io
import os
import shutil
import tarfile
from pathlib import Path
from typing import Protocol


class Outgoing(Protocol):
    """Files that are written under a passing name; only a whole set gets its own."""

    def add(self, name: str, data: bytes) -> None:
        """Write one file."""
        ...

    def keep(self) -> None:
        """All are written: give the set its name."""
        ...

    def drop(self) -> None:
        """Leave nothing."""
        ...


class Incoming(Protocol):
    """Files that are read.

    `read` raises KeyError where there is no such file, and OSError where it is cut off or cannot be read.
    """

    def read(self, name: str) -> bytes:
        """One file, whole."""
        ...

    def close(self) -> None:
        """Read no more."""
        ...


class TarOut:
    """Files into a tar."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._file = os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115  # closed by keep

    def add(self, name: str, data: bytes) -> None:
        """See Outgoing."""
        info = tarfile.TarInfo(name)
        info.size = len(data)
        info.mode = 0o600
        self._tar.addfile(info, io.BytesIO(data))

    def keep(self) -> None:
        """See Outgoing."""
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._path)

    def drop(self) -> None:
        """See Outgoing."""
        self._file.close()
        self._part.unlink(missing_ok=True)


class FolderOut:
    """Files into a new folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        shutil.rmtree(self._part, ignore_errors=True)
        self._part.mkdir(mode=0o700)

    def add(self, name: str, data: bytes) -> None:
        """See Outgoing."""
        path = self._part / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def keep(self) -> None:
        """See Outgoing."""
        self._part.rename(self._path)

    def drop(self) -> None:
        """See Outgoing."""
        shutil.rmtree(self._part, ignore_errors=True)


class TarIn:
    """Files out of a tar.

    Raises:
        OSError, tarfile.TarError: there is none.
    """

    def __init__(self, path: Path) -> None:
        self._tar = tarfile.open(path, mode="r:")  # noqa: SIM115  # closed by close

    def read(self, name: str) -> bytes:
        """See Incoming."""
        try:
            member = self._tar.extractfile(name)
            data = member.read() if member else b""
            if member is None or len(data) != self._tar.getmember(name).size:
                raise OSError(f"{name} is cut off")
        except tarfile.TarError:
            raise KeyError(name) from None
        return data

    def close(self) -> None:
        """See Incoming."""
        self._tar.close()


class FolderIn:
    """Files out of a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str) -> bytes:
        """See Incoming."""
        try:
            return (self._path / name).read_bytes()
        except FileNotFoundError:
            raise KeyError(name) from None

    def close(self) -> None:
        """See Incoming."""
