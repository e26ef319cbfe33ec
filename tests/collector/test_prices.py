"""Prices: what SQL makes of sums equals what genai-prices makes of single calls."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from breakeven_collector import otlp
from breakeven_collector.catalog import Catalog
from breakeven_collector.ledger import Ledger
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.prices import BUCKETS, Book
from breakeven_collector.store import Store
from genai_prices import Usage, calc_price

from tests.spans import NOON, Call, after, body


@pytest.fixture(scope="module")
def book() -> Book:
    return Book()


def priced(store: Store, project: str) -> list[dict[str, Any]]:
    return store.rows(
        "SELECT model, price_source, unpriced_reason AS reason, sum(s.cost_usd) AS usd, sum(s.calls) AS n FROM spend AS s "
        "WHERE grain = 'day' AND project = {p:String} GROUP BY ALL ORDER BY ALL",
        {"p": project},
    )


def land(pipeline: Pipeline, project: str, *calls: Call) -> None:
    pipeline.journal.append(otlp.read_traces(body(*calls), otlp.Encoding.PROTOBUF).body, project).result(10)
    pipeline.drain()


def test_what_has_no_price_is_null_with_its_reason_and_never_zero(pipeline: Pipeline, project: str) -> None:
    land(
        pipeline,
        project,
        Call(model="acme-7b", provider="vllm"),
        Call(model="gpt-4o", input_tokens=None, output_tokens=None),
        Call(model="gpt-4o", failed=True, input_tokens=None, output_tokens=None, attributes={"error.type": "429"}),
        Call(model="acme-7b", provider="vllm", attributes={"gen_ai.usage.cost.amount": "0.25"}),
    )
    book = Book().version
    assert priced(pipeline.store, project) == [
        {"model": "acme-7b", "price_source": "", "reason": "", "usd": Decimal("0.25"), "n": 1},
        {"model": "acme-7b", "price_source": "", "reason": "model not in the price book", "usd": None, "n": 1},
        {"model": "gpt-4o", "price_source": book, "reason": "", "usd": Decimal(0), "n": 1},
        {"model": "gpt-4o", "price_source": book, "reason": "no usage reported", "usd": None, "n": 1},
    ]


def test_opentelemetrys_names_of_providers_are_understood(book: Book) -> None:
    asked = [
        ("x_ai", "grok-3"),
        ("gcp.gen_ai", "gemini-2.0-flash"),
        ("azure.ai.openai", "gpt-4o"),
        ("gcp.gemini", "gemini-2.0-flash"),
    ]
    assert [book.resolve(*names, "").provider for names in asked] == ["x-ai", "google", "azure", "google"]


def test_a_contract_prices_its_project_its_time_and_nothing_else(pipeline: Pipeline, project: str) -> None:
    def contract(
        for_project: str, start: datetime, end: datetime, rate: str, meters: dict[str, Decimal]
    ) -> tuple[Any, ...]:
        rates = [Decimal(rate)] * len(BUCKETS)
        return (for_project, "openai", model, "", start, end, *rates, None, meters, "a test", datetime.now(UTC))

    model = f"deal-{project}"  # a name of its own: an override for all projects would reach other tests
    columns = [
        *("project", "provider", "model", "price_context", "valid_from", "valid_to"),
        *(f"{bucket}_usd_per_token" for bucket in BUCKETS),
        *("request_usd", "meter_usd", "note", "entered_at"),
    ]
    day = timedelta(days=1)
    pipeline.store.insert(
        "price_override",
        columns,
        [
            contract("", NOON - 2 * day, NOON + 2 * day, "0.001", {}),
            contract(project, NOON - 1.5 * day, NOON - 0.5 * day, "0.002", {"web_search": Decimal("0.5")}),
        ],
    )
    calls = [Call(at=NOON + n * day, model=model, input_tokens=1, output_tokens=1) for n in (-3, -2, -1, 0, 1, 2)]
    calls[2].attributes = {"breakeven.meter.web_search": 2}
    land(pipeline, project, *calls)
    land(pipeline, f"{project}-other", *calls)
    by_day = "SELECT toString(toDate(at)) AS day, sum(s.cost_usd) AS usd FROM spend AS s WHERE grain = 'day' AND project = {p:String} GROUP BY day ORDER BY day"
    ours = [row["usd"] for row in pipeline.store.rows(by_day, {"p": project})]
    theirs = [row["usd"] for row in pipeline.store.rows(by_day, {"p": f"{project}-other"})]
    # A day's sum is priced at the day's start: the contracts begin at noon and so hold from the next day on.
    assert ours == [None, None, Decimal("1.004"), Decimal("0.002"), Decimal("0.002"), Decimal("0.002")]
    assert theirs == [None, None, Decimal("0.002"), Decimal("0.002"), Decimal("0.002"), Decimal("0.002")]


def test_a_newer_book_prices_history_too_and_an_older_one_stays_readable(empty_store: Store) -> None:
    store = empty_store.open()
    catalog = Catalog(store)
    catalog.load()
    assert store.rows("SELECT count() AS n FROM price_books") == [{"n": 1}]
    assert catalog.load() == [], "the same book again changes nothing"

    Catalog(store, Book(source="test@2")).load()
    assert store.rows("SELECT argMax(book_version, loaded_at) AS v, count() AS n FROM price_books") == [
        {"v": Book(source="test@2").version, "n": 2}
    ]
    per_book = store.rows("SELECT count() AS n FROM price_book GROUP BY book_version")
    assert len(per_book) == 2
    assert per_book[0] == per_book[1]


def test_a_price_that_changes_with_the_hour_is_read_at_the_calls_own_hour(
    pipeline: Pipeline, project: str, book: Book
) -> None:
    name = book.resolve("deepseek", "deepseek-chat", "")
    assert name.day_starts == (30 * 60, 16 * 3600 + 30 * 60)
    calls = [
        Call(at=NOON.replace(hour=h, minute=m), provider="deepseek", model="deepseek-chat", feature=f"{h:02}:{m:02}")
        for h, m in ((0, 0), (0, 29), (0, 30), (12, 0), (16, 29), (16, 30), (23, 59))
    ]
    land(pipeline, project, *calls)
    rows = pipeline.store.rows(
        "SELECT feature, sum(s.cost_usd) AS usd FROM spend AS s WHERE grain = 'day' AND project = {p:String} GROUP BY feature",
        {"p": project},
    )
    usage = Usage(input_tokens=1000, output_tokens=100)
    assert {row["feature"]: row["usd"] for row in rows} == {
        call.feature: calc_price(
            usage, "deepseek-chat", provider_id="deepseek", genai_request_timestamp=call.at
        ).total_price
        for call in calls
    }


def test_names_that_a_newer_book_cuts_otherwise_are_made_again(pipeline: Pipeline, project: str) -> None:
    """A long-context edge that the book did not have: the ledger's rows of that name are cut along it afterwards."""
    name = ("openai", f"edge-{project}", "")
    land(pipeline, project, Call(model=name[1], input_tokens=100), Call(model=name[1], input_tokens=300, at=after(1)))
    tiers = "SELECT tier_start, sum(calls) AS n FROM spend_slices WHERE project = {p:String} GROUP BY tier_start HAVING n != 0 ORDER BY tier_start"
    assert pipeline.store.rows(tiers, {"p": project}) == [{"tier_start": 0, "n": 2}]
    pipeline.store.run(
        "INSERT INTO model_names (provider, model, price_context, tier_starts, book_version, resolved_at) "
        "SELECT {provider:String}, {model:String}, '', [200], 'test', now64(6) + 1",
        {"provider": name[0], "model": name[1]},
    )
    Ledger(pipeline.store).pass_names([name])
    assert pipeline.store.rows(tiers, {"p": project}) == [{"tier_start": 0, "n": 1}, {"tier_start": 200, "n": 1}]
