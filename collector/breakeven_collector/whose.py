"""Whose a cost is, by date: what the declarations make of the way a row of the ledger is named. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from breakeven_collector.config_file import ALWAYS
from breakeven_collector.declarations import Declarations
from breakeven_collector.map_rules import Origin, Rule

DECLARED = "declared"
MAPPED = "mapped"


class Part(NamedTuple):
    """A share of a cost. The fields are those of `attributions.parts`."""

    feature: str
    feature_source: str
    weight: Decimal
    owner: str
    cost_centre: str
    cost_class: str


@dataclass(frozen=True)
class Stretch:
    """What holds from a day on, up to the next stretch."""

    valid_from: date
    parts: tuple[Part, ...]
    """Weights sum to exactly 1."""
    rule: str
    """The rule that named the feature; empty: none did."""


class Whose:
    """Answers for one reading of the declarations; keeps what it worked out once."""

    def __init__(self, declarations: Declarations) -> None:
        self._declared = declarations
        self._candidates: dict[Origin, list[Rule]] = {}
        self._histories: dict[tuple[str, str, tuple[int, ...], str], list[Stretch]] = {}
        self._shares: dict[tuple[str, date], list[tuple[str, Decimal]]] = {}
        self._days_of_names: dict[str, set[date]] = {}

    def history(self, feature: str, feature_source: str, origin: Origin | None, environment: str) -> list[Stretch]:
        """The history of a way of being named: by day, the first from 1970, each different from the one before.

        What is declared in code stays; else the first rule that holds names the feature; else a name that was only
        inferred stays one. Then aliases.

        Args:
            feature: as in the ledger, empty where unallocated.
            feature_source: as in the ledger.
            origin: where the calls come from; None where that is not known, or the feature is declared.
            environment: as in the ledger; decides the cost class.
        """
        rules = [] if origin is None or feature_source in (DECLARED, MAPPED) else self._matching(origin)
        # Many origins differ in nothing that matters.
        key = feature, feature_source, tuple(rule.number for rule in rules), environment
        if key not in self._histories:
            self._histories[key] = self._history(rules, (feature, feature_source), environment)
        return self._histories[key]

    def _history(self, rules: list[Rule], named: tuple[str, str], environment: str) -> list[Stretch]:
        names = {named[0], *(rule.feature for rule in rules)}
        days = {
            ALWAYS,
            *(day for rule in rules for day in rule.period.days),
            *(day for name in names for day in self._days_of(name)),
            *self._declared.cost_classes.days(environment),
        }
        return list(self._stretches(sorted(days), rules, named, environment))

    def _stretches(
        self, days: list[date], rules: list[Rule], named: tuple[str, str], environment: str
    ) -> Iterator[Stretch]:
        before = None
        for day in days:
            rule = next((rule for rule in rules if rule.period.holds(day)), None)
            feature, source = (rule.feature, MAPPED) if rule else named
            parts = self._parts(feature, source, day, self._declared.cost_classes.on(environment, day))
            now = parts, str(rule) if rule else ""
            if now != before:
                yield Stretch(day, *now)
            before = now

    def _parts(self, feature: str, source: str, day: date, cost_class: str) -> tuple[Part, ...]:
        parts: list[Part] = []
        for name, weight in self._shares_of(feature, day):
            declared = self._declared.features.get(name)
            holds = declared.on(day) if declared else None
            owner, centre = (holds.owner or "", holds.cost_centre or "") if holds else ("", "")
            parts.append(Part(name, source, weight, owner, centre, cost_class))
        return tuple(parts)

    def _matching(self, origin: Origin) -> list[Rule]:
        if origin not in self._candidates:
            self._candidates[origin] = [rule for rule in self._declared.rules if rule.matches(origin)]
        return self._candidates[origin]

    def _shares_of(self, name: str, day: date) -> list[tuple[str, Decimal]]:
        # No feature has no other name.
        if not name:
            return [("", Decimal(1))]
        if (name, day) not in self._shares:
            self._shares[name, day] = self._declared.aliases.shares(name, day)
        return self._shares[name, day]

    def _days_of(self, name: str) -> set[date]:
        """Days on which it may change who a name is, or who owns what it is."""
        if not name:
            return set()
        if name not in self._days_of_names:
            candidates = sorted({ALWAYS, *self._declared.aliases.days})
            aliases = {b for a, b in pairwise(candidates) if self._shares_of(name, a) != self._shares_of(name, b)}
            targets = {target for day in (ALWAYS, *aliases) for target, _ in self._shares_of(name, day)}
            changes = {
                change.start
                for target in targets
                if target in self._declared.features
                for change in self._declared.features[target].changes
            }
            self._days_of_names[name] = aliases | changes
        return self._days_of_names[name]
