"""What lies in quarantine: requests that were acknowledged and that the store cannot take."""

import contextlib
import os
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_CODE_NAME: Final = re.compile(r"\(([A-Z][A-Z0-9_]{2,60})\)\s*$")
_CODE: Final = re.compile(r"\b[Cc]ode:? (\d{1,5})\b")
_MOST_REASONS: Final = 100


@dataclass(frozen=True)
class SetAside:
    """What lies there now, of this run and of earlier ones."""

    requests: int = 0
    size_bytes: int = 0
    oldest_seconds: float | None = None
    """How long the oldest lies there; None where none does."""
    reasons: dict[str, int] = field(default_factory=dict[str, int])
    """Why, by the name or the number of ClickHouse's error, of the first hundred. Its text stays in the files: it may
    quote what is in the request."""


def look(folder: Path, *, with_reasons: bool = False) -> SetAside:
    """Look at what lies in the folder; one that is not there is empty. Never raises."""
    requests = size = 0
    oldest: float | None = None
    reasons: Counter[str] = Counter()
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            # Files go while we look: they expire, or somebody takes them away.
            with contextlib.suppress(OSError):
                status = entry.stat()
                size += status.st_size
                if entry.name.endswith(".pb"):
                    requests += 1
                    oldest = min(status.st_mtime, oldest or status.st_mtime)
                elif with_reasons and reasons.total() < _MOST_REASONS:
                    reasons[_reason(Path(entry.path))] += 1
    age = None if oldest is None else max(0.0, time.time() - oldest)
    return SetAside(requests, size, age, dict(reasons.most_common()))


def _reason(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        text = file.read(2000)
    if name := _CODE_NAME.search(text):
        return name[1]
    return f"code {code[1]}" if (code := _CODE.search(text)) else "other"
