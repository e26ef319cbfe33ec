"""Alerts in a running collector: each full hour is looked at once, and what is to be told goes to the channels."""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from breakeven_collector.alerts.config import AlertsFile
from breakeven_collector.alerts.digest import build_digest
from breakeven_collector.alerts.evaluate import Evaluator, Outcome, full_hour, look_day
from breakeven_collector.alerts.log import AlertLog
from breakeven_collector.alerts.sources import Declared, Sources, Stopped, VerdictSource, store_verdicts
from breakeven_collector.alerts.to_channels import ToChannels
from breakeven_collector.config_file import Place, read_config
from breakeven_collector.errors import ConfigError
from breakeven_collector.features import Feature, parse_features
from breakeven_collector.period import zone
from breakeven_collector.projects import of_project
from breakeven_collector.store import Store
from breakeven_collector.verdicts.service import Bill, no_bill

Deliver = Callable[[datetime], None]
"""Takes what is to be told to the channels; called after each look and now and then, for what failed is tried again."""

FIRST_SECONDS: Final = 60.0
"""After a start, what waited in journals lands first."""
_CHECK_SECONDS: Final = 30.0
_SETTLED: Final = timedelta(minutes=5)
"""By then the calls of an hour that is over have landed."""
_CATCH_UP: Final = timedelta(hours=24)
"""Hours longer ago than that are no more looked at: an outage of a week is not told hour by hour."""
_DIGEST_HOUR: Final = 8
_HOUR: Final = timedelta(hours=1)
_log = logging.getLogger(__name__)


def declared_by(config: Path) -> Declared:
    """Owners and budgets by the file as it stands; while it is broken, what it said last."""
    last: Mapping[str, Feature] | None = None
    told = ""

    def declared(day: date) -> Mapping[str, Feature] | None:
        nonlocal last, told
        try:
            last, told = parse_features(read_config(config).get("features", {}), Place(f"{config}: features")), ""
        except ConfigError as error:
            if str(error) != told:
                _log.warning("owners and budgets are those that were declared before: %s", error)
            told = str(error)
        return None if last is None else {name: one.on(day) for name, one in last.items()}

    return declared


class AlertsJob:
    """Looks at each full hour; in a thread of its own once started.

    Args:
        store: an open store.
        config: `breakeven.toml`.
        timezone: where days begin.
        bill: as for verdicts.
        declared: owners and budgets by day.
        deliver: takes what is to be told to the channels; those of `config` where left out.
        verdicts: another source of them than the store.
        clock: the present.
    """

    def __init__(
        self,
        store: Store,
        config: Path,
        timezone: str,
        *,
        bill: Bill = no_bill,
        declared: Declared | None = None,
        deliver: Deliver | None = None,
        verdicts: VerdictSource | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._clock = store, clock
        self._timezone = timezone
        self.file = AlertsFile(config)
        self.stop = threading.Event()
        self._deliver = deliver or ToChannels(store, config, self.stop)
        self._verdicts = verdicts or store_verdicts(store, config, timezone, bill, self._check)
        self.sources = Sources(store, config, timezone, self._verdicts, declared or declared_by(config), self._check)
        self._evaluator = Evaluator(store, self.sources, self.stop)
        self._alert_log = AlertLog(store)
        self._thread: threading.Thread | None = None
        self._looking = threading.Lock()
        self._next: datetime | None = None
        self._failed = ""

    def start(self) -> None:
        """Look, a while from now and then each hour."""
        self._thread = threading.Thread(target=self._run, name="breakeven-alerts", daemon=True)
        self._thread.start()

    def close(self, timeout: float = 30.0) -> None:
        """Stop: after the step that runs, which takes about a second."""
        self.stop.set()
        if self._thread is not None:
            self._thread.join(timeout)

    @property
    def error(self) -> str:
        """Why alerts do not work as they are configured; empty where they do."""
        return self.file.error or self._failed

    def _check(self) -> None:
        if self.stop.is_set():
            raise Stopped

    def _run(self) -> None:
        wait = FIRST_SECONDS
        while not self.stop.wait(wait):
            wait = _CHECK_SECONDS
            try:
                self.keep_up(self._clock())
            except Stopped:
                return
            except Exception as error:  # noqa: BLE001  # a thread that dies would tell nothing for ever
                if str(error) != self._failed:
                    _log.warning("alerts are not up to date, next try in %.0f s: %s", _CHECK_SECONDS, error)
                self._failed = str(error)
            try:
                if not self.stop.is_set():
                    self._deliver(self._clock())
            except Exception:  # noqa: BLE001  # what cannot be delivered must not hold up that it is found
                _log.exception("alerts could not be delivered, next try in %.0f s", _CHECK_SECONDS)

    def keep_up(self, now: datetime) -> list[Outcome]:
        """Look at the full hours that are over and that nobody looked at yet. May be called at any time, by many.

        Args:
            now: the present, UTC.

        Raises:
            StoreError: the store cannot be read or refuses.
            ConfigError: the file is broken, and what it said before is not known; the hours wait until it is mended.
            Stopped: it was asked to stop.
        """
        tick = full_hour(now - _SETTLED)
        # Within the hour nothing is due, and the store is not asked.
        if self._next is not None and tick < self._next:
            return []
        with self._looking:
            last = self._alert_log.last_run("hourly")
            if last is not None and last >= tick:
                self._next, self._failed = last + _HOUR, ""
                return []
            outcomes: list[Outcome] = []
            if self._is_anything_there():
                first = tick if last is None else max(last + _HOUR, tick - _CATCH_UP)
                outcomes = self._look_at(first, tick)
                self._digest(tick)
            self._next = tick + _HOUR
            self._failed = "; ".join(error for one in outcomes for error in one.errors)
            return outcomes

    def _is_anything_there(self) -> bool:
        return bool(self._store.query_file("page_pulse", of_project(None))[0]["calls"])

    def _look_at(self, first: datetime, last: datetime) -> list[Outcome]:
        config, tz = self.file.read(), zone(self._timezone)
        hours = self.sources.hours(first, last)
        day = self._last_day(tz)
        outcomes: list[Outcome] = []
        at = first
        while at <= last:
            self._check()
            is_daily = look_day(at, tz) != day
            day = look_day(at, tz)
            outcomes.append(self._evaluator.run(at, config, is_daily=is_daily, hours=hours))
            at += _HOUR
        return outcomes

    def _last_day(self, tz: ZoneInfo) -> date | None:
        last = self._alert_log.last_run("daily")
        return None if last is None else look_day(last, tz)

    def run_once(self, at: datetime | None = None, *, dry_run: bool = False) -> Outcome:
        """Look now, by all rules; with a moment, at that one: all that holds then, and write and tell nothing.

        Raises:
            StoreError: the store cannot be read or refuses.
            ConfigError: the file is broken, and what it said before is not known.
        """
        moment = full_hour(at or self._clock())
        with self._looking:
            is_dry, config = dry_run or at is not None, self.file.read()
            if at is None:
                outcome = self._evaluator.run(moment, config, is_daily=True, dry_run=is_dry)
            else:
                outcome = self._evaluator.run(moment, config.at_once(), is_daily=True, dry_run=True, afresh=True)
        if not is_dry:
            self._deliver(self._clock())
        return outcome

    def _digest(self, at: datetime) -> None:
        """From Monday morning on, of each project; each week's once."""
        tz = zone(self._timezone)
        local = at.astimezone(tz)
        config = self.file.read()
        monday = local.date() - timedelta(days=local.weekday())
        if not config.digest or (local.weekday() == 0 and local.hour < _DIGEST_HOUR):
            return
        last = self._alert_log.last_run("weekly")
        # Who begins in the middle of a week hears on Monday.
        if local.weekday() != 0 if last is None else last.astimezone(tz).date() >= monday:
            return
        hours = self.sources.hours(at, at)
        for project, of_it in hours.items():
            self._check()
            is_alone = len(hours) == 1
            digest = build_digest(self._store, self.sources, of_it, at, config, is_alone=is_alone, project=project)
            self._alert_log.add_digest(digest, at)
        self._alert_log.add_run(("weekly",), at, 0.0, 0, len(hours), "")
