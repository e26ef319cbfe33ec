"""Everything behind the receiving end, put together: journal, store, prices, ledger, shipper."""

import logging
import time
from types import TracebackType

from breakeven_collector.access import Access
from breakeven_collector.attribution import Attribution
from breakeven_collector.catalog import Catalog
from breakeven_collector.estimates import Estimates
from breakeven_collector.journal import Journal
from breakeven_collector.ledger import Ledger
from breakeven_collector.retention import Retention
from breakeven_collector.settings import Settings
from breakeven_collector.ship import Shipper
from breakeven_collector.store import Store

_log = logging.getLogger(__name__)


class Pipeline:
    """A running collector without its HTTP front. A context manager: leaving it ships what was taken."""

    def __init__(self, settings: Settings, store: Store | None = None) -> None:
        self.settings = settings
        self.store = store or Store(
            settings.dsn, max_query_seconds=settings.max_query_seconds, replicated=settings.replicated
        )

    def __enter__(self) -> "Pipeline":
        """Open the store, load the prices and whose dollars are whose, replay the journal.

        Raises:
            StoreError: the store cannot be opened.
            ConfigError: another collector has the journal.
        """
        self.store.open()
        try:
            self.catalog, self.ledger = Catalog(self.store, config=self.settings.config), Ledger(self.store)
            self.ledger.pass_names(self.catalog.load())
            self.access = Access()
            self.attribution = Attribution(self.store, self.settings.config)
            self.attribution.start()
            self.journal = Journal(
                self.settings.journal_dir,
                max_segment_bytes=self.settings.segment_bytes,
                max_segment_seconds=self.settings.batch_seconds,
            )
        except BaseException:
            self.store.close()
            raise
        self.shipper = Shipper(
            self.journal,
            self.store,
            self.catalog,
            self.ledger,
            Estimates(self.store),
            self.attribution,
            quarantine=self.settings.data_dir / "quarantine",
        )
        self.retention = Retention(
            self.store,
            self.settings.journal_dir,
            calls_days=self.settings.keep_calls_days,
            ledger_days=self.settings.keep_ledger_days,
        )
        self.retention.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self.journal.close()
        self.shipper.close()
        self.retention.close()
        self.store.close()

    def drain(self, timeout: float = 60.0) -> None:
        """Wait until all that was acknowledged stands in the ledger.

        Raises:
            TimeoutError: it does not within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while self.journal.waiting() or not self.shipper.idle():
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"the journal is not empty after {timeout} s: {self.shipper.last_error or 'slow store'}"
                )
            time.sleep(0.02)
