"""The rules about what the books say: billed against seen, models without a price, decisions to look at again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from breakeven_collector.alerts.condition import Condition, feature_page
from breakeven_collector.alerts.config import RuleConfig
from breakeven_collector.alerts.events import Driver, Figure, Rule
from breakeven_collector.economics.words import listed, usd

_OLD_DAYS: Final = 14
"""A bill that ends so long ago says nothing of now."""


@dataclass(frozen=True)
class BilledDay:
    """A UTC day of a provider that is closed."""

    provider: str
    day: date
    billed_usd: float
    seen_usd: float


@dataclass(frozen=True)
class Unpriced:
    """A model whose calls have no price."""

    provider: str
    model: str
    reason: str
    calls: float
    tokens: float
    usual_usd: float
    """Its tokens at what a token came to over all calls that have a price."""


@dataclass(frozen=True)
class Due:
    """A decision that is to be looked at again."""

    feature: str
    decision: str
    made_by: str
    why: tuple[str, ...]
    usd: float


def apart(days: Sequence[BilledDay], at: datetime, config: RuleConfig) -> list[Condition]:
    """Providers whose last closed days are billed otherwise than seen."""
    today = at.astimezone(UTC).date()
    found: list[Condition] = []
    for provider in sorted({one.provider for one in days}):
        closed = [one for one in days if one.provider == provider and one.day < today - timedelta(days=1)]
        last = max((one.day for one in closed), default=None)
        if last is None:
            continue
        if last < today - timedelta(days=_OLD_DAYS):
            found.append(_no_bill(provider, last))
            continue
        first = last - timedelta(days=int(config["days"]) - 1)
        of = [one for one in closed if first <= one.day]
        billed, seen = sum(one.billed_usd for one in of), sum(one.seen_usd for one in of)
        limit = max(config["min_usd"], config["share"] * max(billed, seen))
        difference = abs(billed - seen)
        share = f" ({difference / billed:.1%})" if billed > 0 else ""
        text = f"in the {(last - first).days + 1} days to {last:%-d %b}"
        is_active = difference > limit
        way = "more" if billed > seen else "less"
        found.append(
            Condition(
                Rule.APART,
                provider,
                is_active,
                Figure(difference, f"apart {text}", limit, "tolerated"),
                f"{provider} bills {usd(difference)} {way} than calls told{share} {text}: {usd(billed)} billed, "
                f"{usd(seen)} seen"
                if is_active
                else f"{provider}'s bill and what is seen agree: {usd(billed)} billed, {usd(seen)} seen {text}",
                is_over=difference < config["resolve_share"] * limit,
                why=_worst(of),
                next_step=f"`breakeven tieout --from {first} --to {last}` says which keys, models or prices differ",
                page="/",
            )
        )
    return found


def _no_bill(provider: str, last: date) -> Condition:
    return Condition(
        Rule.APART,
        provider,
        False,
        Figure(0.0, f"of a bill since {last:%-d %b}"),
        f"{provider}: no bill ($0) of the days after {last:%-d %b} was imported, so nobody can say whether it differs "
        "from what is seen",
        page="/",
    )


def _worst(days: Sequence[BilledDay]) -> tuple[Driver, ...]:
    worst = max(days, key=lambda one: abs(one.billed_usd - one.seen_usd))
    usd_apart = worst.billed_usd - worst.seen_usd
    return (
        Driver(
            "day",
            f"most on {worst.day:%-d %b}, {usd(abs(usd_apart))}: {usd(worst.billed_usd)} billed, "
            f"{usd(worst.seen_usd)} seen",
            usd_apart,
        ),
    )


def unpriced(models: Sequence[Unpriced], config: RuleConfig) -> list[Condition]:
    """Models without a price, with about what their tokens usually cost."""
    return [
        Condition(
            Rule.UNPRICED,
            f"{one.provider}/{one.model}",
            one.usual_usd >= config["min_usd"],
            Figure(one.usual_usd, f"about, in {config['days']:g} days", config["min_usd"], "told from"),
            f"{one.provider}/{one.model} has no price: {one.calls:,.0f} calls, about {usd(one.usual_usd)} if its "
            "tokens cost what tokens do here",
            why=(Driver("price", one.reason),),
            next_step="Say what it costs: `breakeven prices set`",
            page="/",
        )
        for one in models
    ]


def decisions_due(due: Sequence[Due]) -> list[Condition]:
    """Decisions that are to be looked at again."""
    return [
        Condition(
            Rule.DECISIONS_DUE,
            one.feature,
            bool(one.why),
            Figure(one.usd, "in the last 30 days"),
            f"The decision on {one.feature} ({one.decision}, {usd(one.usd)} in 30 days) is to be looked at again: "
            f"{listed(list(one.why))}",
            next_step=f"`breakeven decide {one.feature} --diff`, then `breakeven decisions record {one.feature}`",
            owner=one.made_by,
            page=feature_page(one.feature),
            is_quiet=True,
        )
        for one in due
    ]
