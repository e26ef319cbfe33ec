"""What calls that report their usage teach about those that do not: kept in `token_ratios`, applied by `spend`.

The SDK counts tokens in the messages with tiktoken, which is not the tokenizer of most models and sees neither
reasoning nor what a provider adds. Calls that have both an estimate and a report show by how much that is off, for each
feature and model; and calls with usage show what a call of a feature and model usually takes, for those without any
estimate.
"""

import threading
import time
from typing import Final

from breakeven_schema import query

from breakeven_collector.store import Store

_SHARE_OF_TIME: Final = 0.1
"""No more of the time than this goes into learning."""


class Estimates:
    """Learns, at most as often as it may."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._not_before = 0.0
        self._behind = False

    def learn(self) -> None:
        """Learn from all calls of the last 90 days.

        Raises:
            StoreUnavailable, StoreError: see there.
        """
        with self._lock:
            started = time.monotonic()
            self._store.run(query("learn_ratios"))
            took = time.monotonic() - started
            self._not_before = started + took / _SHARE_OF_TIME
            self._behind = False

    def calls_came(self) -> None:
        """There is something new to learn from."""
        self._behind = True

    def learn_if_due(self) -> None:
        """Learn if calls came since and enough time has passed. Raises as `learn` does."""
        if self._behind and time.monotonic() >= self._not_before:
            self.learn()
