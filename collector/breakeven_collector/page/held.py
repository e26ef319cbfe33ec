"""What pages were made of, held for as long as nothing changes: going back and forth costs next to nothing."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from time import monotonic
from typing import Any, Final

_SECONDS: Final = 60.0
"""What a period is compared with moves on with the clock, whatever comes in."""
_MOST: Final = 32


class HeldPages:
    """By what they were asked for, and the pulse they were made at. Any thread."""

    def __init__(self) -> None:
        self._held: OrderedDict[Hashable, tuple[float, Mapping[str, Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, key: Hashable, build: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """The one that is held, else a new one."""
        with self._lock:
            held = self._held.get(key)
        if held is not None and monotonic() - held[0] < _SECONDS:
            return held[1]
        made = build()
        with self._lock:
            self._held[key] = monotonic(), made
            self._held.move_to_end(key)
            while len(self._held) > _MOST:
                self._held.popitem(last=False)
        return made
