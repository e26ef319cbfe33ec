"""Delivery to the channels that `breakeven.toml` declares now."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from breakeven_collector.alerts.delivery import Delivery
from breakeven_collector.alerts.source import load_channels
from breakeven_collector.errors import ConfigError
from breakeven_collector.store import Store

_log = logging.getLogger(__name__)


class ToChannels:
    """Called with the present, sends what is to be told. Safe to call from any thread; one sends at a time.

    File and secrets are read anew each time: a secret that was mended in its file counts without a restart. While the
    file is broken, the channels that it declared last count.

    Args:
        store: an open store.
        config: `breakeven.toml`; need not exist.
        stop: once it is set, nothing more is sent.
        sleep: see `Delivery`.
    """

    def __init__(
        self, store: Store, config: Path, stop: threading.Event, *, sleep: Callable[[float], object] | None = None
    ) -> None:
        self._config = config
        self._delivery = Delivery(store, (), stop=stop, sleep=sleep)
        self._lock = threading.Lock()
        self._error = ""

    def __call__(self, now: datetime) -> None:
        """See `Delivery.deliver`.

        Raises:
            StoreError: the store refuses.
        """
        with self._lock:
            try:
                self._delivery.use(*load_channels(self._config))
                self._error = ""
            except ConfigError as error:
                if str(error) != self._error:
                    _log.warning("channels are those that were declared before: %s", error)
                self._error = str(error)
            self._delivery.deliver(now)
