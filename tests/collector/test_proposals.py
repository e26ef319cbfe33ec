"""What origins suggest: names as features are called here, and rules that mean the origins they were made from."""

from decimal import Decimal

import pytest
from breakeven_collector.map_rules import Origin, Rule
from breakeven_collector.near_names import NearNames, near_names
from breakeven_collector.proposals import Proposal, SeenOrigin, Sum, feature_name, propose, suggested_name
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("checkout", "checkout"),
        ("checkout-prod", "checkout"),
        ("Checkout_Service STAGING", "checkout-service"),
        ("CheckoutBot_v2 PROD", "checkout-bot-v2"),
        ("HTTPServer", "http-server"),
        ("team/Refunds:live", "team-refunds"),
        ("prod", "prod"),
        ("søk-prod", "søk"),
        ("--", ""),
        ("", ""),
    ],
)
def test_a_name_is_lower_case_words_without_an_environment_at_the_end(text: str, name: str) -> None:
    assert feature_name(text) == name


@pytest.mark.parametrize(
    ("route", "name"),
    [
        ("/checkout", "checkout"),
        ("POST /api/v1/orders/{id}/summary", "orders-summary"),
        ("/orders/:order_id/items/<int:item>", "orders-items"),
        ("https://shop.example/api/search?q=1", "search-q-1"),
        ("/items/[slug]", "items"),
        ("/", ""),
        ("/api/v2/42", ""),
    ],
)
def test_a_route_is_named_by_the_steps_that_say_something(route: str, name: str) -> None:
    assert feature_name(route, route=True) == name


@settings(deadline=None)
@given(st.text(max_size=30))
def test_a_name_stays_what_it_is_when_it_is_made_again(text: str) -> None:
    assert feature_name(feature_name(text)) == feature_name(text)


def test_the_most_telling_field_names_an_origin_and_ids_and_common_words_name_nothing() -> None:
    assert suggested_name(Origin(agent="refund-bot", service="shop")) == ("agent", "refund-bot")
    assert suggested_name(Origin(agent="agent", workflow="LangGraph", route="/", service="shop")) == ("service", "shop")
    assert suggested_name(Origin(provider_key="apikey_01Rj2N8SVvo6BePZj99NhmiT", provider_project="lab")) == (
        "project",
        "lab",
    )
    assert suggested_name(Origin(provider_key="ci-key")) == ("key", "ci-key")
    assert suggested_name(Origin(service="unknown_service:python", provider="openai", model="gpt-4o")) is None
    assert suggested_name(Origin(provider_project="0e8f3d9a-1c2b-4d5e-8f90-a1b2c3d4e5f6", service="api")) is None


def seen(cost: str | None, calls: int = 1, **fields: str) -> SeenOrigin:
    return SeenOrigin(Origin(**fields), Sum(calls, None if cost is None else Decimal(cost), int(cost is None)))


def test_origins_that_share_a_name_are_one_proposal_and_the_dearest_comes_first() -> None:
    proposals = propose(
        [
            seen("1", agent="refund-bot-prod", service="shop"),
            seen("2", agent="Refund_Bot", service="shop"),
            seen("4", service="refund-bot", environment="prod"),
            seen("100", 7, service="search"),
            seen(None, service="api"),
            seen(None, 3, prompt="summary"),
        ]
    )
    assert proposals == [
        Proposal("search", ((("service", ("search",)),),), Sum(7, Decimal(100)), 1),
        Proposal(
            "refund-bot",
            ((("agent", ("Refund_Bot", "refund-bot-prod")),), (("service", ("refund-bot",)),)),
            Sum(3, Decimal(7)),
            3,
        ),
        Proposal("summary", ((("prompt", ("summary",)),),), Sum(3, None, 1), 1),
    ]


def test_a_rule_by_a_coarse_field_leaves_origins_alone_that_a_finer_one_names() -> None:
    (shop, bot) = propose([seen("9", service="shop"), seen("1", service="shop", agent="bot-[x]")])
    assert shop.rules == ((("service", ("shop",)), ("agent", ("",))),)
    assert bot.rules == ((("agent", ("bot-[[]x]",)),),)


origin_fields = st.dictionaries(
    st.sampled_from(["agent", "prompt", "route", "service"]),
    st.sampled_from(["alpha", "Beta-prod", "beta", "ga[m]*ma"]),
)


@settings(deadline=None)
@given(st.lists(origin_fields, max_size=12))
def test_the_rules_of_all_proposals_give_each_origin_the_name_it_suggests(found: list[dict[str, str]]) -> None:
    origins = [SeenOrigin(origin, Sum(1)) for origin in dict.fromkeys(Origin(**fields) for fields in found)]
    rules = [Rule(0, p.feature, match) for p in propose(origins) for match in p.rules]
    for one in origins:
        named = suggested_name(one.origin)
        assert {rule.feature for rule in rules if rule.matches(one.origin)} == ({named[1]} if named else set())


def test_names_that_hardly_differ_are_pointed_out_and_numbers_tell_apart() -> None:
    names = [
        "search",
        "Search",
        "serach",
        "seerch",
        "searches",
        "code-review",
        "code_review",
        "chat-1",
        "chat-2",
        "ab",
        "ac",
        "",
    ]
    assert near_names(names) == [
        NearNames("Search", "search", "case or separators"),
        NearNames("Search", "seerch", "one letter"),
        NearNames("Search", "serach", "one letter"),
        NearNames("code-review", "code_review", "case or separators"),
        NearNames("search", "seerch", "one letter"),
        NearNames("search", "serach", "one letter"),
    ]


@settings(deadline=None)
@given(st.lists(st.text("abcX-1", min_size=1, max_size=9), max_size=12, unique=True))
def test_near_names_are_those_that_looking_at_every_pair_finds(names: list[str]) -> None:
    def plain(name: str) -> str:
        return "".join(c for c in name.casefold() if c.isalnum()) or name

    def near(a: str, b: str) -> bool:
        if a == b:
            return True
        if min(len(a), len(b)) < 5:
            return False
        letters = "abcx"
        places = range(len(a) + 1)
        edits = {a[:i] + c + a[i:] for i in places for c in letters}
        edits |= {a[:i] + a[i + 1 :] for i in range(len(a)) if not a[i].isdigit()}
        edits |= {a[:i] + c + a[i + 1 :] for i in range(len(a)) if not a[i].isdigit() for c in letters}
        edits |= {
            a[:i] + a[i + 1] + a[i] + a[i + 2 :]
            for i in range(len(a) - 1)
            if not (a[i].isdigit() or a[i + 1].isdigit())
        }
        return b in edits

    pairs = {(pair.one, pair.other) for pair in near_names(names)}
    assert pairs == {(a, b) for a in names for b in names if a < b and near(plain(a), plain(b))}
