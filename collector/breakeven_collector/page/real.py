"""The figures of the page from the collector's own parts: bill, verdicts, decisions."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from time import monotonic
from typing import Any, Final

from breakeven_collector.declarations import Declarations
from breakeven_collector.errors import ConfigError
from breakeven_collector.page.providers import PENDING, Advice, Providers
from breakeven_collector.period import Period
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.report_billed import billed_summary
from breakeven_collector.tieout import utc_days
from breakeven_collector.verdicts.changes import BILLS, changes
from breakeven_collector.verdicts.decisions import list_decisions
from breakeven_collector.verdicts.ready import ReadyVerdicts

_HELD_SECONDS: Final = 60.0
_WAIT_SECONDS: Final = 0.15
"""A small store's bill is there by then; a page is not held up longer."""
_MOST_HELD: Final = 32


@dataclass(frozen=True)
class _Bill:
    asked_at: float
    work: Future[Mapping[str, Any] | None]
    last: Mapping[str, Any] | None
    """What is told until then."""

    def is_over(self) -> bool:
        """It is to be worked out anew."""
        return self.work.done() and (
            monotonic() - self.asked_at > _HELD_SECONDS or self.work.exception() is not None
        )  # fmt: skip


def real_providers(pipeline: Pipeline, ready: ReadyVerdicts, bills: "HeldBills") -> Providers:
    """Over a pipeline that is entered already."""
    store, config, timezone = pipeline.store, pipeline.settings.config, pipeline.settings.timezone

    def documents(project: str | None) -> dict[str, Mapping[str, Any]] | None:
        found = ready.of(project)
        return None if found is None else {one["feature"]: one for one in found["features"]}

    def advice(project: str | None) -> Mapping[str, Advice] | None:
        found = documents(project)
        return None if found is None else {name: advice_of(one) for name, one in found.items()}

    def verdict(project: str | None, feature: str) -> Mapping[str, Any] | None:
        return (documents(project) or {}).get(feature)

    def decisions(project: str | None, feature: str) -> Sequence[Mapping[str, Any]]:
        try:
            found = list_decisions(store, config=config, project=project, timezone=timezone)
        except ConfigError:
            # The page says so at its top; the ends of models are not known then.
            found = list_decisions(store, project=project, timezone=timezone)
        return [one for one in found["decisions"] if one["feature"] == feature]

    return Providers(
        *(bills.of, advice, verdict, decisions, ready.revision, ready.changes, ready.config_error, bills.revision)
    )


class HeldBills:
    """What the report says of the bill, worked out in the background: that takes longer than all else of a page.

    It is held for a minute, for each call that comes moves what is seen of it a little; then the last one is told while
    a new one is worked out. A new import, and other rules for keys, count at once. Any thread.
    """

    def __init__(self, pipeline: Pipeline, *, wait_seconds: float = _WAIT_SECONDS) -> None:
        self._pipeline = pipeline
        self._wait_seconds = wait_seconds
        self._held: OrderedDict[tuple[Any, ...], _Bill] = OrderedDict()
        self._lock = threading.Lock()
        self._working = ThreadPoolExecutor(1, thread_name_prefix="breakeven-bills")
        self._revision = 0

    def revision(self) -> int:
        """A number that is another one when a bill was worked out that a page had to do without."""
        with self._lock:
            return self._revision

    def of(self, period: Period, project: str | None) -> Mapping[str, Any] | None:
        """The bill of a period's UTC days; None: there is none, or it takes longer than a page waits for it. Then it is
        `PENDING`.

        Raises:
            StoreError: the store cannot be read.
        """
        declared = self._pipeline.attribution.declared
        key = (*utc_days(period), project, declared.version, changes(self._pipeline.store, BILLS))
        with self._lock:
            held = self._held.get(key)
            if held is None or held.is_over():
                work = self._working.submit(self._work_out, period, project, declared)
                last = PENDING if held is None or held.work.exception() else held.work.result()
                held = self._held[key] = _Bill(monotonic(), work, last)
                self._held.move_to_end(key)
                while len(self._held) > _MOST_HELD:
                    self._held.popitem(last=False)
        try:
            return held.work.result(0 if held.last is not PENDING else self._wait_seconds)
        except TimeoutError:
            if held.last is PENDING:
                held.work.add_done_callback(self._tell)
            return held.last

    def close(self) -> None:
        """Let the work that goes on end; none is begun any more."""
        self._working.shutdown(cancel_futures=True)

    def _tell(self, _work: Future[Any]) -> None:
        with self._lock:
            self._revision += 1

    def _work_out(self, period: Period, project: str | None, declared: Declarations) -> Mapping[str, Any] | None:
        pipeline = self._pipeline
        return billed_summary(pipeline.store, lambda: (pipeline.catalog, declared), period=period, project=project)


def advice_of(document: Mapping[str, Any]) -> Advice:
    """What a verdict's document comes to in a line."""
    saving, threshold = document["saving_usd_per_month"], document["threshold_usd"]
    hosting = next((one for one in document["options"] if one["kind"] in ("hybrid", "self-hosted")), None)
    is_saving = document["code"] in ("OPTIMISE_IN_API", "HOSTED_OPEN_MODEL")
    return Advice(
        # There the next step is what the sentence says.
        document["sentence"] if is_saving else document["next_action"],
        document["sentence"],
        Decimal(round(document["live_usd"])),
        # The model's dollars are floats: cents of it would tell what it does not know.
        Decimal(round(saving)) if saving > 0 else None,
        None if threshold is None else Decimal(round(threshold)),
        f"${hosting['one_off_usd']:,.0f} once and {hosting['fte']:g} people" if hosting else "",
        "quality ?" not in hosting["to_prove"] if hosting else None,
    )
