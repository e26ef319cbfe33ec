"""All that is looked at for one project at one moment, and what the rules find in it. Pure: the data comes in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from breakeven_collector.alerts import rules_books, rules_month, rules_spend, rules_verdict
from breakeven_collector.alerts.condition import Condition, Known
from breakeven_collector.alerts.config import AlertsConfig
from breakeven_collector.alerts.events import Figure, Rule
from breakeven_collector.alerts.hours import Hours
from breakeven_collector.alerts.rules_books import BilledDay, Due, Unpriced
from breakeven_collector.alerts.rules_month import Forecast
from breakeven_collector.alerts.rules_verdict import Decided
from breakeven_collector.features import Feature

HOURLY: Final = (Rule.JUMP, Rule.SILENT)
"""Rules that look each hour; the others once a day."""

KnownBy = Mapping[tuple[Rule, str], Known]
"""By rule and subject."""


@dataclass(frozen=True)
class Look:
    """What is looked at. None: it was not asked for, or could not be had."""

    at: datetime
    hours: Hours
    is_daily: bool
    declared: Mapping[str, Feature] = field(default_factory=dict[str, Feature])
    decided: Sequence[Decided] | None = None
    forecasts: Sequence[Forecast] | None = None
    billed: Sequence[BilledDay] | None = None
    unpriced: Sequence[Unpriced] | None = None
    due: Sequence[Due] | None = None
    bands_usd: Sequence[float] = ()


def find(look: Look, config: AlertsConfig, known: KnownBy) -> list[Condition]:
    """What each rule that is on, and that there is data for, finds about each subject."""
    owners = {name: one.owner or "" for name, one in look.declared.items()}
    found: list[Condition] = []
    looked: set[Rule] = set()

    def of(rule: Rule) -> dict[str, Known]:
        return {subject: one for (other, subject), one in known.items() if other is rule}

    def add(rule: Rule, conditions: Sequence[Condition]) -> None:
        looked.add(rule)
        found.extend(conditions)

    on = set(config.on())
    for rule in sorted(on & set(HOURLY)):
        if rule is Rule.JUMP:
            add(rule, rules_spend.jumps(look.hours, look.at, config.rules[rule], of(rule), owners))
        else:
            add(rule, rules_spend.silences(look.hours, look.at, config.rules[rule]))
    if look.is_daily:
        if look.decided is not None:
            for rule, conditions in _of_verdicts(look, config, known, owners).items():
                if rule in on:
                    add(rule, conditions)
        if look.forecasts is not None:
            made = list(look.forecasts)
            rule = Rule.BUDGET
            if rule in on:
                add(rule, rules_month.budgets(look.hours, look.at, made, config.rules[rule], of(rule), owners))
            rule = Rule.BUDGET_SHARE
            if rule in on:
                add(rule, rules_month.budget_shares(made, config.rules[rule], owners))
        if look.billed is not None and Rule.APART in on:
            add(Rule.APART, rules_books.apart(look.billed, look.at, config.rules[Rule.APART]))
        if look.unpriced is not None and Rule.UNPRICED in on:
            add(Rule.UNPRICED, rules_books.unpriced(look.unpriced, config.rules[Rule.UNPRICED]))
        if look.due is not None and Rule.DECISIONS_DUE in on:
            add(Rule.DECISIONS_DUE, rules_books.decisions_due(look.due))
    there = {(one.rule, one.subject) for one in found}
    gone = [
        _gone(rule, subject, look, config)
        for rule, subject in known
        # That nothing is found about a verdict does not say that it is over: it waits for data.
        if rule in looked and (rule, subject) not in there and rule is not Rule.VERDICT
    ]
    return [*found, *gone, *(_off(rule, subject) for rule, subject in known if rule not in on)]


def _gone(rule: Rule, subject: str, look: Look, config: AlertsConfig) -> Condition:
    name = subject or "What has no feature"
    said = f"{name}: nothing ($0) is left of what was told as {rule}"
    if rule in (Rule.BUDGET, Rule.BUDGET_SHARE):
        name = subject or "The whole bill"
        one = look.declared.get(subject)
        has_budget = bool(one and one.budget_usd_per_month is not None)
        if subject == rules_month.BILL:
            has_budget = config.rules[Rule.BUDGET]["bill_usd_per_month"] > 0
        said = f"{name} costs nothing ($0) any more" if has_budget else f"{name} has no budget in dollars any more"
    return Condition(rule, subject, False, Figure(0.0, "now"), said)


def _off(rule: Rule, subject: str) -> Condition:
    """Of a rule that watches no more: what it told is over, and that goes without saying."""
    said = f"{subject or 'What was told'}: the rule {rule} is off ($0)"
    return Condition(rule, subject, False, Figure(0.0, "now"), said, is_quiet=True)


def _of_verdicts(
    look: Look, config: AlertsConfig, known: KnownBy, owners: Mapping[str, str]
) -> dict[Rule, Sequence[Condition]]:
    decided = look.decided or ()
    crossed = rules_verdict.crossings(decided, config.rules[Rule.CROSSED], owners)
    verdicts = {subject: one for (rule, subject), one in known.items() if rule is Rule.VERDICT}
    return {
        Rule.CROSSED: crossed,
        Rule.APPROACHING: rules_verdict.approaches(decided, config.rules[Rule.APPROACHING], owners, crossed),
        Rule.VERDICT: rules_verdict.changed_verdicts(decided, config.rules[Rule.VERDICT], verdicts, owners),
        Rule.BAND: rules_verdict.bands(decided, look.bands_usd, config.rules[Rule.BAND], owners),
    }
