"""Whose a cost is: histories have no gap and no overlap, shares sum to one, and the order of what is unrelated is nothing."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from breakeven_collector.aliases import Alias, Aliases
from breakeven_collector.config_file import ALWAYS, Period
from breakeven_collector.cost_classes import CostClasses, EnvironmentClass
from breakeven_collector.declarations import Declarations
from breakeven_collector.features import Change, Feature
from breakeven_collector.map_rules import Origin, Rule, first_match
from breakeven_collector.whose import Part, Stretch, Whose
from hypothesis import given, settings
from hypothesis import strategies as st

START = date(2026, 1, 1)
NAMES = [f"f{n}" for n in range(8)]
days = st.integers(0, 40).map(lambda n: START + timedelta(days=n))
names = st.sampled_from(NAMES)


@st.composite
def periods(draw: st.DrawFn) -> Period:
    start, end = draw(st.none() | days), draw(st.none() | days)
    if start and end and end <= start:
        end = start + timedelta(days=1)
    return Period(start, end)


@st.composite
def shares(draw: st.DrawFn, targets: Sequence[str]) -> tuple[tuple[str, Decimal], ...]:
    chosen = draw(st.lists(st.sampled_from(targets), min_size=1, max_size=4, unique=True))
    cuts = sorted(draw(st.sets(st.integers(1, 10**12 - 1), min_size=len(chosen) - 1, max_size=len(chosen) - 1)))
    edges = [0, *cuts, 10**12]
    return tuple((n, Decimal(b - a).scaleb(-12)) for n, (a, b) in zip(chosen, pairwise(edges), strict=True))


@st.composite
def alias_sets(draw: st.DrawFn) -> Aliases:
    """Any that the file's checks let through: they lead from lower names to higher ones, one at a time for each name."""
    found: list[Alias] = []
    for place, name in enumerate(NAMES[:-1]):
        edges = sorted(draw(st.sets(days, max_size=3)))
        for start, end in zip([None, *edges], [*edges, None], strict=True):
            if draw(st.booleans()):
                # now and then a split leaves a share where it is
                lowest = place if draw(st.integers(0, 4)) == 0 else place + 1
                targets = draw(shares(NAMES[lowest:]))
                if targets != ((name, Decimal(1)),):
                    found.append(Alias(len(found) + 1, (name,), targets, Period(start, end)))
    return Aliases(found)


patterns = st.sampled_from(["a", "b", "a*", "*", "", "?"])


@st.composite
def rule_sets(draw: st.DrawFn) -> list[Rule]:
    fields = st.dictionaries(st.sampled_from(["service", "agent", "route"]), patterns, min_size=1)
    return [
        Rule(n, draw(names), tuple((key, (p,)) for key, p in draw(fields).items()), draw(periods()))
        for n in range(1, draw(st.integers(0, 6)) + 1)
    ]


@st.composite
def declared_sets(draw: st.DrawFn) -> Declarations:
    def feature() -> Feature:
        changes = tuple(
            Change(day, (("owner", draw(st.sampled_from("xyz"))),)) for day in sorted(draw(st.sets(days, max_size=2)))
        )
        return Feature(draw(st.none() | st.sampled_from("xyz")), "cc", changes=changes)

    classes = [
        EnvironmentClass(
            "lab",
            tuple(
                (day, draw(st.sampled_from(["sales", "research"]))) for day in sorted(draw(st.sets(days, max_size=2)))
            ),
        )
    ]
    return Declarations(
        {name: feature() for name in draw(st.sets(names, max_size=4))},
        draw(rule_sets()),
        draw(alias_sets()),
        CostClasses(classes),
    )


texts = st.sampled_from(["", "a", "b", "ab"])
origins = st.builds(Origin, service=texts, agent=texts, route=texts)


def at(history: Sequence[Stretch], day: date) -> Stretch:
    return [stretch for stretch in history if stretch.valid_from <= day][-1]


@settings(deadline=None)
@given(alias_sets(), names, days)
def test_shares_sum_to_exactly_one_whatever_the_aliases(aliases: Aliases, name: str, day: date) -> None:
    assert aliases.cycle() is None
    found = aliases.shares(name, day)
    assert sum(weight for _, weight in found) == 1
    assert all(0 < weight <= 1 and weight == round(weight, 12) for _, weight in found)
    assert len({target for target, _ in found}) == len(found)


@settings(deadline=None)
@given(
    declared_sets(),
    st.sampled_from([("f0", "declared"), ("f1", "inferred"), ("", "")]),
    origins,
    st.sampled_from(["", "lab"]),
)
def test_a_history_begins_in_1970_changes_at_each_step_and_says_for_every_day_what_holds(
    declared: Declarations, named: tuple[str, str], origin: Origin, environment: str
) -> None:
    history = Whose(declared).history(*named, origin, environment)
    starts = [stretch.valid_from for stretch in history]
    assert starts[0] == ALWAYS
    assert starts == sorted(set(starts))
    assert all((a.parts, a.rule) != (b.parts, b.rule) for a, b in pairwise(history))
    for day in [ALWAYS, *(START + timedelta(days=n) for n in range(-1, 43))]:
        rule = None if named[1] == "declared" else first_match(declared.rules, origin, day)
        name, source = (rule.feature, "mapped") if rule else named
        expected: list[Part] = []
        for target, weight in declared.aliases.shares(name, day) if name else [("", Decimal(1))]:
            feature = declared.features.get(target, Feature()).on(day)
            expected.append(
                Part(
                    target,
                    source,
                    weight,
                    feature.owner or "",
                    feature.cost_centre or "",
                    declared.cost_classes.on(environment, day),
                )
            )
        stretch = at(history, day)
        assert (list(stretch.parts), stretch.rule) == (expected, str(rule) if rule else "")


@settings(deadline=None)
@given(rule_sets(), origins, days, st.randoms())
def test_the_first_rule_that_matches_wins_and_the_order_of_others_is_nothing(
    rules: list[Rule], origin: Origin, day: date, random: Any
) -> None:
    matching = [rule for rule in rules if rule.matches(origin) and rule.period.holds(day)]
    assert first_match(rules, origin, day) == (matching[0] if matching else None)
    # rules that do not match, put anywhere between the others
    rest = [rule for rule in rules if rule not in matching]
    shuffled = list(matching)
    for rule in rest:
        shuffled.insert(random.randint(0, len(shuffled)), rule)
    assert first_match(shuffled, origin, day) == (matching[0] if matching else None)


@settings(deadline=None)
@given(alias_sets(), names, days, st.randoms())
def test_the_order_of_aliases_is_nothing(aliases: Aliases, name: str, day: date, random: Any) -> None:
    shuffled = list(aliases.all)
    random.shuffle(shuffled)
    assert Aliases(shuffled).shares(name, day) == aliases.shares(name, day)


def test_what_is_declared_in_code_stays_and_what_is_inferred_gives_way_to_a_rule() -> None:
    declared = Declarations(rules=[Rule(1, "returns", (("service", ("shop",)),))])
    whose = Whose(declared)

    def names_of(feature: str, source: str, origin: Origin | None) -> list[tuple[str, str, str]]:
        return [
            (p.feature, p.feature_source, s.rule) for s in whose.history(feature, source, origin, "") for p in s.parts
        ]

    assert names_of("search", "declared", Origin(service="shop")) == [("search", "declared", "")]
    assert names_of("helper", "inferred", Origin(service="shop")) == [("returns", "mapped", "map 1: service=shop")]
    assert names_of("helper", "inferred", Origin(service="other")) == [("helper", "inferred", "")]
    assert names_of("helper", "inferred", None) == [("helper", "inferred", "")]
    assert names_of("", "", Origin(service="shop")) == [("returns", "mapped", "map 1: service=shop")]
    assert names_of("", "", Origin()) == [("", "", "")]


def test_a_chain_of_splits_is_exact_and_rounding_goes_to_a_neighbour() -> None:
    third = (("b", Decimal("0.333333333333")), ("c", Decimal("0.333333333333")), ("d", Decimal("0.333333333334")))
    aliases = Aliases(
        [Alias(1, ("a",), third, Period()), Alias(2, ("b",), (("c", Decimal("0.5")), ("e", Decimal("0.5"))), Period())]
    )
    assert aliases.shares("a", START) == [
        ("c", Decimal("0.5")),  # 0.4999999999995 of the exact sum, rounded to even at the twelfth digit
        ("d", Decimal("0.333333333334")),
        ("e", Decimal("0.166666666666")),
    ]
