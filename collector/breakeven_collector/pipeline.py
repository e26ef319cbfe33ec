"""Everything behind the receiving end, put together: journal, store, prices, ledger, shipper."""

import logging
import time
from collections.abc import Generator
from contextlib import contextmanager
from types import TracebackType

from breakeven_collector.access import Access
from breakeven_collector.alerts.job import AlertsJob
from breakeven_collector.attribution import Attribution
from breakeven_collector.catalog import Catalog
from breakeven_collector.errors import StoreUnavailable
from breakeven_collector.estimates import Estimates
from breakeven_collector.folders import make_private
from breakeven_collector.gate import Gate
from breakeven_collector.health_log import HealthLog, collector_name
from breakeven_collector.journal import Journal
from breakeven_collector.keys import Scope
from breakeven_collector.ledger import Ledger
from breakeven_collector.probe import Probe
from breakeven_collector.quarantine import Quarantine
from breakeven_collector.received import Received
from breakeven_collector.recent import RecentRequests
from breakeven_collector.report_billed import billed_summary
from breakeven_collector.retention import Retention
from breakeven_collector.settings import Settings
from breakeven_collector.ship import Shipper
from breakeven_collector.store import Store
from breakeven_collector.watch import Watch

_log = logging.getLogger(__name__)


class Pipeline:
    """A running collector without its HTTP front. A context manager: leaving it ships what was taken."""

    def __init__(self, settings: Settings, store: Store | None = None) -> None:
        self.settings = settings
        self.received = Received()
        self.store = store or Store(
            settings.dsn, max_query_seconds=settings.max_query_seconds, replicated=settings.replicated
        )
        self.quarantine = settings.data_dir / "quarantine"
        self.watch = Watch()
        self.received = Received(watch=self.watch)
        self.probe = Probe(self.store)

    def __enter__(self) -> "Pipeline":
        """Open the store, load the prices and whose dollars are whose, replay the journal.

        Raises:
            StoreError: the store cannot be opened.
            ConfigError: another collector has the journal.
        """
        self.access = Access(self.store)
        given = {
            Scope.ADMIN: self.settings.admin_key,
            Scope.INGEST: self.settings.ingest_key,
            Scope.READ: self.settings.read_key,
        }
        self.access.declare({scope: secret.get_secret_value().strip() for scope, secret in given.items()})
        make_private(self.settings.data_dir)
        self.store.open()
        try:
            self.catalog, self.ledger = Catalog(self.store, config=self.settings.config), Ledger(self.store)
            self.ledger.pass_names(self.catalog.load())
            self.access.start()
            self.attribution = Attribution(self.store, self.settings.config)
            self.attribution.start()
            self.journal = Journal(
                self.settings.journal_dir,
                max_segment_bytes=self.settings.segment_bytes,
                max_segment_seconds=self.settings.batch_seconds,
                max_bytes=self.settings.max_journal_bytes,
                min_free_bytes=self.settings.min_free_bytes,
                recent=RecentRequests(self.settings.recent_dir, store_id=self.store.id()),
            )
        except BaseException:
            self.access.close()
            self.store.close()
            raise
        self.gate = Gate()
        self.shipper = Shipper(
            self.journal,
            self.store,
            self.catalog,
            self.ledger,
            Estimates(self.store),
            self.attribution,
            Quarantine(self.quarantine, days=self.settings.quarantine_days, also=self.settings.journal_dir),
            self.watch,
            self.gate,
        )
        self.retention = Retention(
            self.store,
            self.settings.journal_dir,
            calls_days=self.settings.keep_calls_days,
            ledger_days=self.settings.keep_ledger_days,
            gate=self.gate,
        )
        self.retention.start()
        self.alerts = AlertsJob(
            self.store,
            self.settings.config,
            self.settings.timezone,
            bill=lambda period, project: billed_summary(
                self.store, lambda: (self.catalog, self.attribution.declared), period=period, project=project
            ),
            declared=self.attribution.features,
        )
        if self.settings.jobs and self.settings.alerts:
            self.alerts.start()
        self.health_log = HealthLog(
            self.store,
            collector=collector_name(self.settings.port),
            received=self.received,
            journal=self.journal,
            shipper=self.shipper,
            watch=self.watch,
            quarantine=self.quarantine,
            gate=self.gate,
        )
        self.health_log.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self.alerts.stop.set()
        self.journal.close()
        self.shipper.close()
        self.alerts.close()
        self.retention.close()
        self.health_log.close()
        self.probe.close()
        self.access.close()
        self.store.close()

    @contextmanager
    def quiet(self, timeout: float = 600.0) -> Generator[None]:
        """The store for itself: what was acknowledged is in it, and nothing lands meanwhile; requests are still taken.

        Raises:
            StoreUnavailable: the journal does not empty within `timeout` seconds.
        """
        try:
            self.drain(timeout)
        except TimeoutError as error:
            raise StoreUnavailable(str(error)) from None
        with self.gate.alone():
            # What failed half-way since waits to be done again.
            if self.shipper.last_error:
                raise StoreUnavailable(self.shipper.last_error)
            self.shipper.pass_landed()
            with self.ledger.lock:
                yield

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
