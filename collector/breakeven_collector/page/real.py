"""The figures of the page from the collector's own parts: bill, verdicts, decisions."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from time import monotonic
from typing import Any, Final

from breakeven_collector.declarations import Declarations
from breakeven_collector.page.providers import Advice, Providers
from breakeven_collector.period import Period
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.report_billed import billed_summary
from breakeven_collector.tieout import utc_days
from breakeven_collector.verdicts.decisions import list_decisions
from breakeven_collector.verdicts.ready import ReadyVerdicts

_HELD_SECONDS: Final = 60.0
_MOST_HELD: Final = 32


def real_providers(pipeline: Pipeline, ready: ReadyVerdicts) -> Providers:
    """Over a pipeline that is entered already."""
    store, timezone = pipeline.store, pipeline.settings.timezone
    bills = HeldBills(pipeline)

    def documents(project: str | None) -> dict[str, Mapping[str, Any]] | None:
        found = ready.of(project)
        return None if found is None else {one["feature"]: one for one in found["features"]}

    def advice(project: str | None) -> Mapping[str, Advice] | None:
        found = documents(project)
        return None if found is None else {name: advice_of(one) for name, one in found.items()}

    def verdict(project: str | None, feature: str) -> Mapping[str, Any] | None:
        return (documents(project) or {}).get(feature)

    def decisions(project: str | None, feature: str) -> Sequence[Mapping[str, Any]]:
        found = list_decisions(store, project=project, timezone=timezone)["decisions"]
        return [one for one in found if one["feature"] == feature]

    return Providers(bills.of, advice, verdict, decisions, ready.revision)


class HeldBills:
    """What the report says of the bill, held for a minute: each call that comes moves what is seen of it a little.

    A new import, and other rules for keys, count at once. Any thread.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._held: OrderedDict[tuple[Any, ...], tuple[float, Declarations, Mapping[str, Any] | None]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, period: Period, project: str | None) -> Mapping[str, Any] | None:
        """The bill of a period's UTC days; None: there is none.

        Raises:
            StoreError: the store cannot be read.
        """
        pipeline, now = self._pipeline, monotonic()
        declared = pipeline.attribution.declared
        row = pipeline.store.rows("SELECT count() AS imports, max(imported_at) AS at FROM imports")[0]
        key = (*utc_days(period), project, row["imports"], row["at"])
        with self._lock:
            held = self._held.get(key)
        if held is not None and now - held[0] < _HELD_SECONDS and held[1] is declared:
            return held[2]
        found = billed_summary(
            pipeline.store, lambda: (pipeline.catalog, declared), period=period, project=project
        )  # fmt: skip
        with self._lock:
            self._held[key] = now, declared, found
            self._held.move_to_end(key)
            while len(self._held) > _MOST_HELD:
                self._held.popitem(last=False)
        return found


def advice_of(document: Mapping[str, Any]) -> Advice:
    """What a verdict's document comes to in a line."""
    saving, threshold = document["saving_usd_per_month"], document["threshold_usd"]
    hosting = next((one for one in document["options"] if one["kind"] in ("hybrid", "self-hosted")), None)
    is_saving = document["code"] in ("OPTIMISE_IN_API", "HOSTED_OPEN_MODEL")
    return Advice(
        # There the next step is what the sentence says.
        document["sentence"] if is_saving else document["next_action"],
        document["sentence"],
        # The model's dollars are floats: cents of it would tell what it does not know.
        Decimal(round(saving)) if saving > 0 else None,
        None if threshold is None else Decimal(round(threshold)),
        f"${hosting['one_off_usd']:,.0f} once and {hosting['fte']:g} people" if hosting else "",
        "quality ?" not in hosting["to_prove"] if hosting else None,
    )
