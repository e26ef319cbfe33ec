"""The view `spend` over the whole way: spans, rules, aliases, owners, contracts, another book, in the report."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from breakeven_collector import otlp
from breakeven_collector.errors import BadRequest
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.price_overrides import Override
from breakeven_collector.price_service import PriceService
from breakeven_collector.prices import Book
from breakeven_collector.report import Dimension, build_report
from breakeven_collector.settings import Settings

from tests.spans import Call, body

TODAY = datetime.now(UTC).replace(hour=0, minute=5, second=0, microsecond=0)
ONE_CALL_USD = Decimal("0.0035")

CONFIG = """
[[map]]
key = "chat-*"
feature = "support-chat"

[[map]]
service = "worker"
agent = ["triage", "sorter"]
feature = "ticket-triage"
until = {today}

[[map]]
service = "worker"
agent = "triage"
feature = "inbox"

[[alias]]
from = "old-name"
to = "search"

[[alias]]
from = "shared"
split = {{ search = 0.7, "support-chat" = 0.3 }}

[features.search]
owner = "find"
cost_centre = "CC1"

[[features.search.changes]]
from = {today}
owner = "discovery"

[features.support-chat]
owner = "support"
"""


@pytest.fixture
def own(settings: Settings) -> Iterator[Pipeline]:
    """A collector of its own with a breakeven.toml."""
    settings.config.write_text(CONFIG.format(today=TODAY.date().isoformat()), encoding="utf-8")
    with Pipeline(settings) as pipeline:
        yield pipeline


def land(pipeline: Pipeline, *calls: Call, **keywords: Any) -> None:
    pipeline.journal.append(otlp.read_traces(body(*calls, **keywords), otlp.Encoding.PROTOBUF).body, "default").result(
        10
    )
    pipeline.drain()


def bill(pipeline: Pipeline, by: Dimension, days: int = 2) -> dict[str | None, tuple[int, Decimal]]:
    """Name → calls and dollars."""
    document = build_report(pipeline.store, days=days, by=by)
    rows = document[by.plural]
    total = document["totals"]
    # Nothing is lost and nothing added by whatever rules, aliases and owners make of it.
    assert sum(Decimal(row["cost_usd"]) for row in rows) == Decimal(total["cost_usd"])
    assert sum(row["calls"] for row in rows) == total["calls"]
    return {row[str(by)]: (row["calls"], Decimal(row["cost_usd"])) for row in rows}


def test_rules_aliases_splits_and_owners_are_applied_when_the_bill_is_read(own: Pipeline) -> None:
    yesterday, today = TODAY - timedelta(days=1), TODAY
    land(
        own,
        Call(at=today, feature=None, attributes={"metadata.user_api_key_alias": "chat-eu"}),
        Call(at=today, attributes={"breakeven.provider.key": "chat-us"}),  # declared: a rule does not touch it
        Call(at=yesterday, feature="old-name"),
        *[Call(at=today, feature="shared") for _ in range(10)],
    )
    land(
        own,
        *[Call(at=at, feature=None, attributes={"gen_ai.agent.name": "triage"}) for at in (yesterday, today)],
        Call(at=today, feature=None, attributes={"gen_ai.agent.name": "sorter"}),
        Call(at=today, feature=None),
        service="worker",
        resource={"deployment.environment.name": "staging"},
    )
    assert bill(own, Dimension.FEATURE) == {
        "search": (9, 9 * ONE_CALL_USD),
        "support-chat": (4, 4 * ONE_CALL_USD),
        "ticket-triage": (1, ONE_CALL_USD),
        "inbox": (1, ONE_CALL_USD),
        "sorter": (1, ONE_CALL_USD),  # the rule has ended, the agent's name is a suggestion
        None: (1, ONE_CALL_USD),
    }
    assert bill(own, Dimension.OWNER) == {
        "find": (1, ONE_CALL_USD),
        "discovery": (8, 8 * ONE_CALL_USD),
        "support": (4, 4 * ONE_CALL_USD),
        None: (4, 4 * ONE_CALL_USD),
    }
    assert bill(own, Dimension.COST_CLASS) == {
        "cost_of_goods": (13, 13 * ONE_CALL_USD),
        "research": (4, 4 * ONE_CALL_USD),
    }
    document = build_report(own.store, days=2)
    assert (document["totals"]["mapped_usd"], document["coverage"]["allocated"]) == ("0.0105", round(15 / 17, 6))
    assert document["unallocated"] == [{"service": "worker", "calls": 2, "cost_usd": "0.007", "estimated_usd": None}]


def test_a_changed_file_changes_old_calls_too_and_back(own: Pipeline) -> None:
    land(own, Call(at=TODAY, feature="shared"), Call(at=TODAY, feature="search"))
    assert bill(own, Dimension.FEATURE)["search"] == (2, Decimal("1.7") * ONE_CALL_USD)
    config = own.settings.config
    before = config.read_text(encoding="utf-8")
    config.write_text('[[alias]]\nfrom = ["shared", "search"]\nto = "all"\n', encoding="utf-8")
    own.attribution.start()
    assert bill(own, Dimension.FEATURE) == {"all": (2, 2 * ONE_CALL_USD)}
    config.write_text(before, encoding="utf-8")
    own.attribution.start()
    assert bill(own, Dimension.FEATURE)["support-chat"][1] == Decimal("0.3") * ONE_CALL_USD


def test_a_tenants_dollars_go_to_the_mapped_feature_as_well(own: Pipeline) -> None:
    land(
        own,
        Call(at=TODAY, feature=None, attributes={"breakeven.provider.key": "chat-eu", "breakeven.tenant": "acme"}),
    )
    rows = own.store.rows(
        "SELECT tenant, feature, feature_source AS source, sum(s.cost_usd) AS usd FROM spend AS s "
        "WHERE grain = 'tenant_day' AND project = 'default' GROUP BY ALL"
    )
    assert rows == [{"tenant": "acme", "feature": "support-chat", "source": "mapped", "usd": ONE_CALL_USD}]


@pytest.mark.parametrize("for_project", ["", "default"])
def test_a_percentage_off_takes_it_off_the_books_price_whatever_that_is(own: Pipeline, for_project: str) -> None:
    land(
        own,
        Call(at=TODAY - timedelta(days=1), feature="before"),
        Call(at=TODAY, feature="deal", attributes={"breakeven.meter.web_search": 1}),
        Call(at=TODAY, feature="other", model="gpt-4o-mini"),
        Call(at=TODAY, feature="reported", attributes={"gen_ai.usage.cost": 0.5}),
    )
    service = PriceService(own.store, own.catalog, own.ledger)
    before = bill(own, Dimension.FEATURE)
    service.set(Override("gpt-4o", TODAY.date(), percent_off=Decimal(12), project=for_project))
    after = bill(own, Dimension.FEATURE)
    assert after.pop("deal") == (1, before.pop("deal")[1] * Decimal("0.88"))
    assert after == before
    # What goes on without a contract for it is unknown, not free.
    service.set(Override("unheard-of", TODAY.date(), percent_off=Decimal(12)))
    land(own, Call(at=TODAY, feature="odd", model="unheard-of"))
    odd = next(row for row in build_report(own.store, days=1)["features"] if row["feature"] == "odd")
    assert (odd["cost_usd"], odd["unpriced_calls"]) == (None, 1)


@pytest.mark.parametrize("for_project", ["", "default"])
def test_a_percentage_that_has_ended_takes_nothing_off_any_more(own: Pipeline, for_project: str) -> None:
    days = {name: TODAY - timedelta(days=n) for name, n in (("before", 5), ("within", 3), ("after", 1))}
    land(own, *[Call(at=at, feature=name) for name, at in days.items()])
    service = PriceService(own.store, own.catalog, own.ledger)
    start, end = days["within"].date(), days["within"].date() + timedelta(days=1)
    service.set(Override("gpt-4o", start, end, percent_off=Decimal(50), project=for_project))
    assert {name: usd for name, (_, usd) in bill(own, Dimension.FEATURE, days=7).items()} == {
        "before": ONE_CALL_USD,
        "within": ONE_CALL_USD / 2,
        "after": ONE_CALL_USD,
    }


def test_history_is_priced_with_another_book_side_by_side(own: Pipeline) -> None:
    land(own, Call(at=TODAY), Call(at=TODAY, feature="other", model="gpt-4o-mini"))
    first = build_report(own.store, days=1)
    prices = {"prices": {"input_mtok": 5, "output_mtok": 20}, "id": "gpt-4o", "match": {"equals": "gpt-4o"}}
    document = json.loads(Book().document)
    openai = next(provider for provider in document if provider["id"] == "openai")
    openai["models"] = [prices if model["id"] == "gpt-4o" else model for model in openai["models"]]
    PriceService(own.store, own.catalog, own.ledger).sync(json.dumps(document).encode())
    report = build_report(own.store, days=1, book=first["price_book"])
    assert report["price_book"] != first["price_book"]
    rows = {row["feature"]: (row["cost_usd"], row["other_cost_usd"]) for row in report["features"]}
    old = {row["feature"]: row["cost_usd"] for row in first["features"]}
    assert rows == {"search": ("0.007", old["search"]), "other": (old["other"], old["other"])}
    assert report["other_book"] == {
        "version": first["price_book"],
        "cost_usd": first["totals"]["cost_usd"],
        "approximated": [],
    }
    # The other way round the new book is looked at from the old one; the bill itself does not move.
    assert build_report(own.store, days=1)["totals"] == report["totals"]


def test_a_book_that_is_not_there_is_told_with_those_that_are(own: Pipeline) -> None:
    with pytest.raises(BadRequest, match=r"book 'none@1' is not in the store; it has genai-prices@"):
        build_report(own.store, days=1, book="none@1")
