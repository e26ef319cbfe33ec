"""Rules, aliases, owners and cost classes in breakeven.toml: what is declared is read, what does not fit is told."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from breakeven_collector.config_file import Period
from breakeven_collector.cost_classes import CostClasses, EnvironmentClass, parse_cost_classes
from breakeven_collector.declarations import from_json, parse_declarations
from breakeven_collector.errors import ConfigError
from breakeven_collector.features import Feature, load_features
from breakeven_collector.map_rules import Origin, Rule, first_match, literal

PATH = Path("breakeven.toml")
EVERYTHING = """
[[models]]
name = "read elsewhere"

[features.search]
owner = "Ann"
cost_centre = "CC-1"
budget_usd_per_month = 10.50
plan_usd_per_month = 9
lifecycle = "live"

[[features.search.changes]]
from = 2026-07-01
owner = "Bo ✓"

[[features.search.changes]]
from = 2026-03-01
cost_centre = "CC-2"

[[map]]
service = "checkout"
agent = ["refund-*", "return-?"]
feature = "returns"
from = 2026-01-01
until = 2026-09-01
note = "agreed with finance"

[[map]]
environment = "prod"
feature = "rest"

[[alias]]
from = ["find", "lookup"]
to = "search"

[[alias]]
from = "rest"
split = { search = 0.7, returns = 0.3 }
since = 2026-05-01
until = 2026-06-01

[cost_classes]
"eu-*" = "sales"
"lab" = [{ class = "research" }, { from = 2026-04-01, class = "cost_of_goods" }]
"""


def test_everything_that_can_be_declared_is_read() -> None:
    declared = parse_declarations(EVERYTHING, PATH)
    assert declared.features["search"].on(date(2026, 2, 28)) == Feature(
        "Ann", "CC-1", Decimal("10.50"), "live", Decimal(9)
    )
    assert declared.features["search"].on(date(2026, 3, 1)) == Feature(
        "Ann", "CC-2", Decimal("10.50"), "live", Decimal(9)
    )
    assert declared.features["search"].on(date(2026, 7, 1)) == Feature(
        "Bo ✓", "CC-2", Decimal("10.50"), "live", Decimal(9)
    )
    assert declared.rules == [
        Rule(
            1,
            "returns",
            (("service", ("checkout",)), ("agent", ("refund-*", "return-?"))),
            Period(date(2026, 1, 1), date(2026, 9, 1)),
            "agreed with finance",
        ),
        Rule(2, "rest", (("environment", ("prod",)),)),
    ]
    assert [str(alias) for alias in declared.aliases.all] == [
        "find, lookup → search",
        "rest → 0.7 search + 0.3 returns from 2026-05-01 until 2026-06-01",
    ]
    assert declared.cost_classes == CostClasses(
        [
            EnvironmentClass("eu-*", ((date(1970, 1, 1), "sales"),)),
            EnvironmentClass("lab", ((date(1970, 1, 1), "research"), (date(2026, 4, 1), "cost_of_goods"))),
        ]
    )
    assert declared.names() == {"search", "returns"}


def test_what_the_store_keeps_of_it_means_the_same() -> None:
    declared = parse_declarations(EVERYTHING, PATH)
    again = from_json(declared.text)
    assert (again.features, again.rules, again.aliases.all, again.cost_classes, again.version) == (
        declared.features,
        declared.rules,
        declared.aliases.all,
        declared.cost_classes,
        declared.version,
    )
    # other tables may hold what is nobody's business
    assert "read elsewhere" not in declared.text


def test_the_version_changes_with_what_is_declared_and_not_with_how_it_is_written() -> None:
    version = parse_declarations(EVERYTHING, PATH).version
    assert parse_declarations("# a comment\n" + EVERYTHING.replace(" = ", "="), PATH).version == version
    assert parse_declarations(EVERYTHING.replace("0.7", "0.6").replace("0.3", "0.4"), PATH).version != version


def test_the_features_of_a_day_are_those_that_hold_then(tmp_path: Path) -> None:
    path = tmp_path / "breakeven.toml"
    path.write_text(EVERYTHING, encoding="utf-8")
    assert load_features(path, date(2026, 1, 1))["search"].owner == "Ann"
    assert load_features(path, date(2027, 1, 1))["search"].owner == "Bo ✓"


RULE = '[[map]]\nservice = "a"\nfeature = "b"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[[maps]]\nfeature = 'a'",
            ": unknown key 'maps'; known are alerts, alias, assumptions, cost_classes, features, map, models",
        ),
        ("map = 1", ": map must be a list of tables; write [[map]] for each"),
        ("[map]\nservice = 'a'", ": map must be a list of tables; write [[map]] for each"),
        ("map = ['a']", ": map must be a list of tables; write [[map]] for each"),
        (RULE + "[[map]]\nservice = 'a'", ": map 2: feature is missing; write which one the calls are for"),
        (
            "[[map]]\nfeature = 'a'",
            ": map 1: it says nothing of what it matches; give at least one of key, project, service",
        ),
        (
            "[[map]]\nfeature = 'a'\nservise = 'x'",
            ": map 1: unknown key 'servise'; known are agent, environment, feature,",
        ),
        ("[[map]]\nfeature = ' '\nservice = 'x'", ": map 1.feature is ' '; write the name of a feature"),
        ("[[map]]\nfeature = 1\nservice = 'x'", ": map 1.feature is 1; write it as text in quotes"),
        ("[[map]]\nfeature = 'a'\nservice = 5", ": map 1.service is 5; write text in quotes, or a list of texts"),
        ("[[map]]\nfeature = 'a'\nservice = []", ": map 1.service is []; write text in quotes, or a list of texts"),
        ("[[map]]\nfeature = 'a'\nservice = ['x', 2]", ": map 1.service is 2; write it as text in quotes"),
        (
            RULE + "from = '2026-07-01'",
            ": map 1.from is '2026-07-01'; write a date without quotes, for example 2026-07-01",
        ),
        (RULE + "from = 2026-07-01T00:00:00Z", ": map 1.from is 2026-07-01 00:00:00+00:00; write a date without"),
        (RULE + "from = 1969-12-31", ": map 1.from is 1969-12-31; write a date from 1970 to 2105"),
        (RULE + "until = 2200-01-01", ": map 1.until is 2200-01-01; write a date from 1970 to 2105"),
        (RULE + "from = 2026-07-31\nuntil = 2026-07-31", ": map 1: until 2026-07-31 is not after from 2026-07-31"),
        (RULE + "note = 7", ": map 1.note is 7; write it as text in quotes"),
        ("[[alias]]\nto = 'a'", ": alias 1: from is missing; write the old name, or a list of them"),
        ("[[alias]]\nfrom = 'a'", ': alias 1: write either to = "new" or split = { a = 0.7, b = 0.3 }'),
        ("[[alias]]\nfrom = 'a'\nto = 'b'\nsplit = {c = 1}", ": alias 1: write either to"),
        ("[[alias]]\nfrom = ''\nto = 'b'", ": alias 1.from is ''; write the name of a feature"),
        ("[[alias]]\nfrom = ['a', 'a']\nto = 'b'", ": alias 1.from: 'a' stands there twice"),
        ("[[alias]]\nfrom = 'a'\nto = ''", ": alias 1.to is ''; write the name of a feature"),
        (
            "[[alias]]\nfrom = 'a'\nsplit = {b = 0.7, c = 0.2}",
            ": alias 1.split: the shares sum to 0.9; they must sum to exactly 1",
        ),
        (
            "[[alias]]\nfrom = 'a'\nsplit = {b = 0.7, c = 0.300000000001}",
            ": alias 1.split: the shares sum to 1.000000000001; they must sum to exactly 1",
        ),
        ("[[alias]]\nfrom = 'a'\nsplit = {}", ": alias 1.split: the shares sum to 0; they must sum to exactly 1"),
        ("[[alias]]\nfrom = 'a'\nsplit = {b = 1, c = 0}", ": alias 1.split.c is 0; write a share above 0 and up to 1"),
        ("[[alias]]\nfrom = 'a'\nsplit = {b = 1.5, c = -0.5}", ": alias 1.split.b is 1.5; write a share above 0"),
        ("[[alias]]\nfrom = 'a'\nsplit = {b = true}", ": alias 1.split.b is True; write a share above 0"),
        ("[[alias]]\nfrom = 'a'\nsplit = {b = nan}", ": alias 1.split.b is NaN; write a share above 0"),
        ("[[alias]]\nfrom = 'a'\nsplit = {b = 0.5, c = '0.5'}", ": alias 1.split.c is '0.5'; write a share above 0"),
        (
            "[[alias]]\nfrom = 'a'\nsplit = {b = 0.9999999999999, c = 0.0000000000001}",
            ": alias 1.split.b is 0.9999999999999; write at most 12 digits after the point",
        ),
        ("[[alias]]\nfrom = 'a'\nsplit = 'b'", ": alias 1.split must be a table; write split = { a = 0.7, b = 0.3 }"),
        (
            "[[alias]]\nfrom = 'a'\nto = 'b'\nfor = 1",
            ": alias 1: unknown key 'for'; known are from, since, split, to, until",
        ),
        (
            "[[alias]]\nfrom='a'\nto='b'\n[[alias]]\nfrom=['c','a']\nto='d'\nsince=2026-01-01",
            ": alias 2: 'a' has another name by alias 1 at the same time; give them since and until",
        ),
        ("[[alias]]\nfrom = 'a'\nto = 'a'", ": alias: a → a leads round in a circle; take one of them out"),
        (
            "[[alias]]\nfrom='x'\nto='a'\n[[alias]]\nfrom='a'\nto='b'\n[[alias]]\nfrom='b'\nsplit={c=0.5,a=0.5}\nsince=2026-02-01",
            ": alias: a → b → a leads round in a circle from 2026-02-01 on; take one of them out",
        ),
        (
            "[features.a]\nplan_usd_per_month = -1",
            ": features.a.plan_usd_per_month is -1; write a number of USD, 0 or more",
        ),
        (
            "[features.a]\nchanges = 1",
            ": features.a.changes must be a list of tables; write [[features.a.changes]] for each",
        ),
        (
            "[[features.a.changes]]\nowner = 'x'",
            ": features.a.changes 1: from is missing; write the first day of the change",
        ),
        ("[[features.a.changes]]\nfrom = 2026-01-01\nowner = 1", ": features.a.changes 1.owner is 1; write it as text"),
        ("[[features.a.changes]]\nfrom = 2026-01-01\nx = 1", ": features.a.changes 1: unknown key 'x'; known are"),
        (
            "[[features.a.changes]]\nfrom = 2026-01-01\n[[features.a.changes]]\nfrom = 2026-01-01",
            ": features.a.changes: two changes from 2026-01-01; write one with all that changes on that day",
        ),
        (
            "cost_classes = 1",
            ': cost_classes must be a table; write [cost_classes] with lines like "staging*" = "research"',
        ),
        ("[cost_classes]\nlab = 'cogs'", ": cost_classes.lab is 'cogs'; write one of cost_of_goods, research, sales"),
        ("[cost_classes]\nlab = []", ": cost_classes.lab: give each class another first day (from)"),
        ("[cost_classes]\nlab = [{from = 2026-01-01}]", ": cost_classes.lab.class is None; write one of"),
        (
            "[cost_classes]\nlab = [{class='sales'}, {class='research'}]",
            ": cost_classes.lab: give each class another first",
        ),
        ("[cost_classes]\nlab = [{to = 2026-01-01}]", ": cost_classes.lab: unknown key 'to'; known are class, from"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match="^" + re.escape(f"{PATH}{message}")):
        parse_declarations(text, PATH)


def test_aliases_that_follow_each_other_are_no_circle() -> None:
    text = """
    [[alias]]
    from = "a"
    to = "b"
    until = 2026-07-01
    [[alias]]
    from = "b"
    to = "a"
    since = 2026-07-01
    [[alias]]
    from = "c"
    split = { c = 0.5, d = 0.5 }
    """
    aliases = parse_declarations(text, PATH).aliases
    assert aliases.shares("a", date(2026, 6, 30)) == [("b", 1)]
    assert aliases.shares("b", date(2026, 7, 1)) == [("a", 1)]
    # what a split leaves where it was stays there
    assert aliases.shares("c", date(2026, 7, 1)) == [("c", Decimal("0.5")), ("d", Decimal("0.5"))]


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        ("checkout", "checkout", True),
        ("checkout", "Checkout", False),
        ("check*", "checkout/api", True),
        ("*", "", True),
        ("?*", "", False),
        ("", "", True),
        ("", "x", False),
        ("v[12]", "v2", True),
        ("v[!12]", "v2", False),
        ("a.c", "abc", False),
        ("a*", "a\nb", True),
        ("check", "checkout", False),
    ],
)
def test_a_pattern_is_a_shell_pattern_and_case_counts(pattern: str, value: str, matches: bool) -> None:
    assert Rule(1, "f", (("service", (pattern,)),)).matches(Origin(service=value)) is matches


def test_a_literal_pattern_matches_itself_alone() -> None:
    text = "/items/[slug]/*?"
    rule = Rule(1, "f", (("route", (literal(text),)),))
    assert rule.matches(Origin(route=text))
    assert not rule.matches(Origin(route="/items/s/xy"))


def test_all_fields_must_match_any_pattern_of_each_does_and_the_first_rule_wins() -> None:
    rules = parse_declarations(EVERYTHING, PATH).rules
    origin = Origin(service="checkout", agent="return-1", environment="prod")
    inside, outside = date(2026, 8, 31), date(2026, 9, 1)
    assert first_match(rules, origin, inside) == rules[0]
    assert first_match(rules, origin, outside) == rules[1]
    assert first_match(rules, Origin(service="checkout", agent="x", environment="prod"), inside) == rules[1]
    assert first_match(rules, Origin(service="checkout", agent="x"), inside) is None


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ("", "cost_of_goods"),
        ("production", "cost_of_goods"),
        ("Prod", "cost_of_goods"),
        ("live", "cost_of_goods"),
        ("anything", "cost_of_goods"),
        ("Staging", "research"),
        ("test", "research"),
        ("ci", "research"),
        ("evaluation", "research"),
        ("eval", "research"),
        ("playground", "research"),
        ("development", "research"),
        ("demo", "sales"),
        ("sales", "sales"),
    ],
)
def test_environments_have_a_class_by_default(environment: str, name: str) -> None:
    assert CostClasses().on(environment, date(2026, 1, 1)) == name


def test_own_classes_win_in_their_order_and_by_date() -> None:
    classes = parse_cost_classes(
        {"staging": [{"from": date(2026, 7, 1), "class": "sales"}], "st*": "cost_of_goods", "*": "research"}, "file"
    )
    assert classes.on("staging", date(2026, 6, 30)) == "cost_of_goods"
    assert classes.on("staging", date(2026, 7, 1)) == "sales"
    assert classes.on("stage", date(2026, 7, 1)) == "cost_of_goods"
    assert classes.on("production", date(2026, 7, 1)) == "research"
