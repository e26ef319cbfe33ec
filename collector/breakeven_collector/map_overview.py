"""What the rules of a file make of the calls of the last days."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from breakeven_collector.billed_keys import BilledKey
from breakeven_collector.declarations import Declarations
from breakeven_collector.map_rules import Origin, Rule
from breakeven_collector.near_names import NearNames, near_names
from breakeven_collector.origins import OriginsDocument
from breakeven_collector.proposals import SeenOrigin, Sum


@dataclass
class RuleUse:
    """What a rule did."""

    rule: Rule
    mapped: Sum = field(default_factory=Sum)
    """Calls that it mapped."""
    taken: dict[int, Sum] = field(default_factory=dict[int, Sum])
    """Calls that it matches too, but an earlier rule mapped: number of that rule → what they come to."""


@dataclass(frozen=True)
class Overview:
    """Rules and what is left over."""

    uses: Sequence[RuleUse]
    unallocated: Sequence[SeenOrigin]
    """Origins of which some calls no rule mapped, with what those come to; the dearest first."""
    open_now: Sequence[SeenOrigin]
    """Those of them that no rule maps today either."""
    billed: Sequence[BilledKey] = ()
    """Keys of the providers' accounts that no rule maps today; the dearest first."""


def cuts(declared: Declarations) -> set[date]:
    """Days on which a rule begins or ends."""
    return {day for rule in declared.rules for day in rule.period.days}


def overview(declared: Declarations, document: OriginsDocument) -> Overview:
    """What the rules make of the origins.

    Args:
        declared: with the rules.
        document: made with the `cuts` of the same rules.
    """
    uses = [RuleUse(rule) for rule in declared.rules]
    left: dict[tuple[Origin, str], Sum] = {}
    for stretch in document["stretches"]:
        day = date.fromisoformat(stretch["from"])
        for seen in map(SeenOrigin.of, stretch["origins"]):
            matching = [use for use in uses if use.rule.period.holds(day) and use.rule.matches(seen.origin)]
            if not matching:
                key = seen.origin, seen.inferred
                left[key] = left.get(key, Sum()) + seen.sum
                continue
            first, *others = matching
            first.mapped += seen.sum
            for use in others:
                use.taken[first.rule.number] = use.taken.get(first.rule.number, Sum()) + seen.sum
    unallocated = sorted(
        (SeenOrigin(origin, total, inferred) for (origin, inferred), total in left.items()),
        key=lambda seen: (seen.sum.order, seen.described),
        reverse=True,
    )
    today = date.fromisoformat(document["period"]["to"]) - timedelta(days=1)
    rules_today = [rule for rule in declared.rules if rule.period.holds(today)]

    def is_mapped(origin: Origin) -> bool:
        return any(rule.matches(origin) for rule in rules_today)

    return Overview(
        uses,
        unallocated,
        [seen for seen in unallocated if not is_mapped(seen.origin)],
        # A collector that is older knows of no bill.
        [key for key in map(BilledKey.of, document.get("billed", ())) if not is_mapped(key.origin)],
    )


def doubtful_names(declared: Declarations, seen: Iterable[str] = ()) -> list[NearNames]:
    """Names that may be slips of each other; those that an alias already makes one are left out.

    Args:
        declared: whose names are looked at.
        seen: further names, for example those of a report.
    """
    old = {name for alias in declared.aliases.all for name in alias.names}
    return near_names((declared.names() | {*seen}) - old)
