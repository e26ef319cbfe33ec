"""The figures of the page from the collector's own parts: bill, forecast, verdicts, decisions."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from breakeven_collector.economics.forecast import month_end
from breakeven_collector.page.providers import Advice, Providers
from breakeven_collector.period import Period
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.report_billed import billed_summary
from breakeven_collector.verdicts.decisions import list_decisions
from breakeven_collector.verdicts.ready import ReadyVerdicts


def real_providers(pipeline: Pipeline, ready: ReadyVerdicts) -> Providers:
    """Over a pipeline that is entered already."""
    store, timezone = pipeline.store, pipeline.settings.timezone

    def billed(period: Period, project: str | None) -> Mapping[str, Any] | None:
        found = billed_summary(
            store, lambda: (pipeline.catalog, pipeline.attribution.declared), period=period, project=project
        )
        return None if found is None else {"imported": True, **found}

    def documents(project: str | None) -> dict[str, Mapping[str, Any]] | None:
        found = ready.of(project)
        return None if found is None else {one["feature"]: one for one in found["features"]}

    def advice(_period: Period, project: str | None) -> Mapping[str, Advice] | None:
        found = documents(project)
        return None if found is None else {name: advice_of(one) for name, one in found.items()}

    def verdict(project: str | None, feature: str) -> Mapping[str, Any] | None:
        return (documents(project) or {}).get(feature)

    def decisions(project: str | None, feature: str) -> Sequence[Mapping[str, Any]]:
        found = list_decisions(store, project=project, timezone=timezone)["decisions"]
        return [one for one in found if one["feature"] == feature]

    return Providers(billed, month_end, advice, verdict, decisions, ready.revision)


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
