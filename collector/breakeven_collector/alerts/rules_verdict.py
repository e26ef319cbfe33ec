"""The rules about break-evens: crossed, approaching, a verdict that changed, bands for orientation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from breakeven_collector.alerts.condition import Condition, Known, feature_page
from breakeven_collector.alerts.config import RuleConfig
from breakeven_collector.alerts.events import Figure, Rule
from breakeven_collector.economics.words import usd

_DAYS: Final = 30
_LEAST_DAYS: Final = 28
"""Of history, for a crossing to be told."""
_UNDECIDED: Final = "INSUFFICIENT_DATA"


@dataclass(frozen=True)
class Decided:
    """A verdict, as far as alerts look at it."""

    feature: str
    as_of: date
    """The first day that is not in it."""
    code: str
    sentence: str
    next_step: str
    live_usd: float
    """Of the 30 days before: without retries, research and sales, as it is held against the threshold."""
    threshold_usd: float | None
    """The own break-even, in 30 days; None: there is none."""
    days: int
    """Of history."""
    low_on: date | None = None
    """Earliest day (P10) on which it crosses; all three up to 90 days ahead."""
    on: date | None = None
    high_on: date | None = None
    probability_90_days: float | None = None
    saves_usd: float = 0.0
    """A month, of what the verdict advises."""

    @classmethod
    def of(cls, document: Mapping[str, Any], as_of: date) -> "Decided":
        """From a feature's part of a document of verdicts."""
        crossing = document["crossing"]

        def day(key: str) -> date | None:
            return date.fromisoformat(crossing[key]) if crossing.get(key) else None

        return cls(
            document["feature"],
            as_of,
            document["code"],
            document["sentence"],
            document["next_action"],
            float(document["live_usd"]),
            document["threshold_usd"],
            document["days_of_history"],
            day("p10_on"),
            day("p50_on"),
            day("p90_on"),
            crossing["probability_90_days"],
            float(document["saving_usd_per_month"]),
        )

    @property
    def advice(self) -> str:
        """What to do next, and the verdict that says so."""
        step = f"{self.next_step[:1].upper()}{self.next_step[1:]}"
        return f"{step.rstrip('.')}. The verdict: {self.sentence}" if self.sentence else step

    @property
    def about(self) -> tuple[datetime, datetime]:
        """The 30 days, as those of UTC."""
        end = datetime(self.as_of.year, self.as_of.month, self.as_of.day, tzinfo=UTC)
        return end - timedelta(days=_DAYS), end

    @property
    def text(self) -> str:
        """What the dollars are of; a report has retries, research and sales in it as well."""
        return f"for live calls in the {_DAYS} days to {self.as_of - timedelta(days=1):%-d %b}"


def crossings(decided: Sequence[Decided], config: RuleConfig, owners: Mapping[str, str]) -> list[Condition]:
    """Features whose trailing 30 days are above their break-even."""
    found: list[Condition] = []
    for one in decided:
        if one.threshold_usd is None or one.days < _LEAST_DAYS:
            continue
        limit = one.threshold_usd
        is_active = one.live_usd > limit and one.live_usd >= config["min_usd"]
        said = (
            f"{one.feature} cost {usd(one.live_usd)} {one.text}: above its break-even, {usd(limit)}"
            if is_active
            else f"{one.feature} is below its break-even: {usd(one.live_usd)} {one.text}, break-even {usd(limit)}"
        )
        found.append(
            Condition(
                Rule.CROSSED,
                one.feature,
                is_active,
                Figure(one.live_usd, one.text, limit, "break-even"),
                said,
                is_over=one.live_usd < config["resolve_share"] * limit,
                next_step=one.advice,
                owner=owners.get(one.feature, ""),
                page=feature_page(one.feature),
                about=one.about,
            )
        )
    return found


def approaches(
    decided: Sequence[Decided], config: RuleConfig, owners: Mapping[str, str], crossed: Sequence[Condition]
) -> list[Condition]:
    """Features that will be above their break-even soon; one that is has crossed, and is told as that."""
    above = {one.subject for one in crossed if one.is_active}
    found: list[Condition] = []
    for one in decided:
        if one.threshold_usd is None or one.days < _LEAST_DAYS:
            continue
        limit, chance = one.threshold_usd, one.probability_90_days or 0.0
        is_near = one.on is not None and (one.on - one.as_of).days <= config["within_days"]
        is_above = one.feature in above or one.live_usd > limit
        is_active = (
            is_near and not is_above and chance >= config["min_probability"] and one.live_usd >= config["min_usd"]
        )
        if is_active and one.on:
            said = (
                f"{one.feature} will pass its break-even of {usd(limit)} around {one.on:%-d %b}"
                f"{_between(one)}: it cost {usd(one.live_usd)} {one.text}"
            )
        else:
            said = f"{one.feature} is not about to pass its break-even of {usd(limit)}: {usd(one.live_usd)} {one.text}"
        found.append(
            Condition(
                Rule.APPROACHING,
                one.feature,
                is_active,
                Figure(
                    one.live_usd, one.text, limit, "break-even",
                    low_on=one.low_on, on=one.on, high_on=one.high_on,
                ),
                said,
                is_over=is_above or not is_near or chance < config["resolve_probability"],
                next_step=one.advice,
                owner=owners.get(one.feature, ""),
                page=feature_page(one.feature),
                about=one.about,
                is_quiet=is_above,
            )
        )  # fmt: skip
    return found


def _between(one: Decided) -> str:
    if one.low_on and one.high_on and one.low_on != one.high_on:
        return f" ({one.low_on:%-d %b} to {one.high_on:%-d %b} in 8 of 10 cases)"
    return f" ({one.low_on:%-d %b} at the earliest)" if one.low_on and one.low_on != one.on else ""


def changed_verdicts(
    decided: Sequence[Decided], config: RuleConfig, known: Mapping[str, Known], owners: Mapping[str, str]
) -> list[Condition]:
    """Verdicts that are other ones than those that were known, code-wise; how long they must hold says `min_hours`.

    The marker is the code that is known, and while another one waits to be told, both: `STAY>HYBRID`.
    """
    found: list[Condition] = []
    for one in decided:
        if one.code == _UNDECIDED:
            continue
        before = known.get(one.feature, Known())
        held = before.marker.split(">")
        # A firing change is known from then on; one that is pending is not.
        was = held[-1] if before.is_firing or len(held) == 1 else held[0]
        is_active = was not in ("", one.code) and max(one.live_usd, one.saves_usd) >= config["min_usd"]
        found.append(
            Condition(
                Rule.VERDICT,
                one.feature,
                is_active,
                Figure(one.live_usd, one.text, one.threshold_usd, "break-even" if one.threshold_usd else ""),
                f"The verdict on {one.feature} is another one ({usd(one.live_usd)} {one.text}): {one.sentence}",
                marker=f"{was}>{one.code}" if is_active else one.code,
                next_step=one.next_step,
                owner=owners.get(one.feature, ""),
                page=feature_page(one.feature),
                about=one.about,
            )
        )
    return found


def bands(
    decided: Sequence[Decided], edges_usd: Sequence[float], config: RuleConfig, owners: Mapping[str, str]
) -> list[Condition]:
    """The highest band for orientation that a feature's 30 days are above."""
    found: list[Condition] = []
    for one in decided:
        passed = [edge for edge in sorted(edges_usd) if one.live_usd >= edge]
        edge = passed[-1] if passed else min(edges_usd, default=0.0)
        said = "above" if passed else "below"
        found.append(
            Condition(
                Rule.BAND,
                one.feature,
                bool(passed),
                Figure(one.live_usd, one.text, edge, "band"),
                f"{one.feature} cost {usd(one.live_usd)} {one.text}: {said} the band of {usd(edge)}",
                is_over=one.live_usd < config["resolve_share"] * edge,
                marker=f"{edge:.0f}" if passed else "",
                next_step=one.advice,
                owner=owners.get(one.feature, ""),
                page=feature_page(one.feature),
                about=one.about,
                is_quiet=bool(passed),
            )
        )
    return found
