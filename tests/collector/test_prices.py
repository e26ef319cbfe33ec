"""Prices: what SQL makes of sums equals what genai-prices makes of single calls."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from breakeven_collector import otlp
from breakeven_collector.catalog import Catalog
from breakeven_collector.ledger import Ledger
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.prices import BUCKETS, Book, context_text
from breakeven_collector.store import Store
from genai_prices import Usage, calc_price
from genai_prices.types import StartDateConstraint

from tests.spans import NOON, Call, after, body

NANODOLLAR = Decimal("1e-9")
"""The book holds rates to 15 decimals a token; some of OpenRouter have more."""


@pytest.fixture(scope="module")
def book() -> Book:
    return Book()


@dataclass(frozen=True)
class Sample:
    """One call to be priced by both."""

    provider: str
    model: str
    at: datetime
    context: dict[str, str]
    input_tokens: int
    cache_read: int
    cache_write: int
    cache_write_1h: int
    output_tokens: int
    web_searches: int

    def by_genai_prices(self) -> Decimal:
        return calc_price(
            Usage(
                input_tokens=self.input_tokens,
                cache_read_tokens=self.cache_read,
                cache_write_tokens=self.cache_write,
                cache_write_1h_tokens=self.cache_write_1h,
                output_tokens=self.output_tokens,
                web_searches=self.web_searches,
            ),
            self.model,
            provider_id=self.provider,
            genai_request_timestamp=self.at,
            price_context=self.context or None,
        ).total_price

    def call(self) -> Call:
        return Call(
            at=self.at,
            provider=self.provider,
            model=self.model,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            attributes={
                "gen_ai.usage.cache_read.input_tokens": self.cache_read,
                "gen_ai.usage.cache_write.input_tokens": self.cache_write,
                "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": self.cache_write_1h,
                "openai.response.service_tier": self.context.get("service_tier")
                or ("batch" if "processing" in self.context else None),
                "anthropic.response.speed": self.context.get("speed"),
                "breakeven.meter.web_search": self.web_searches or None,
            },
        )


def samples(book: Book, count: int) -> Iterator[Sample]:
    """Random calls over all models of the book, before and after each change of price, at tier edges, in each context."""
    draw = random.Random(11)
    models = [(p, m) for p in book.providers for m in p.models]
    while count:
        provider, model = draw.choice(models)
        name = book.resolve(provider.id, model.id, "")
        if (name.provider, name.model) != (provider.id, model.id):
            continue  # the id alone names another model: the book itself would price that one
        starts = [
            c.constraint.start_date
            for c in (*(model.prices if isinstance(model.prices, list) else ()), *(model.price_variants or ()))
            if isinstance(c.constraint, StartDateConstraint)
        ]
        day = draw.choice([*starts, date(2026, 11, 1)])
        at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(
            days=draw.choice([-1, 0, 0, 1]), minutes=draw.randrange(24 * 60)
        )
        if not datetime(2020, 1, 2, tzinfo=UTC) < at < datetime.now(UTC):
            continue
        variants = [
            v.when for v in model.price_variants or () if v.when.keys() <= {"service_tier", "processing", "speed"}
        ]
        context = draw.choice([{}, *variants])
        if context.get("service_tier") == "default":
            context = {}
        edge = draw.choice([0, *book.resolve(provider.id, model.id, context_text(context)).tier_starts])
        total = max(1, edge + draw.choice([-1, 0, 1, 5000])) if edge else draw.randrange(1, 400_000)
        cache_read = draw.choice([0, draw.randrange(total + 1)])
        cache_write = draw.choice([0, draw.randrange(total - cache_read + 1)])
        yield Sample(
            provider=provider.id,
            model=model.id,
            at=at,
            context=dict(context),
            input_tokens=total,
            cache_read=cache_read,
            cache_write=cache_write,
            cache_write_1h=draw.choice([0, draw.randrange(cache_write + 1)]),
            output_tokens=draw.randrange(0, 20_000),
            web_searches=draw.choice([0, 0, 3]),
        )
        count -= 1


def test_sql_prices_ten_thousand_random_calls_like_genai_prices(pipeline: Pipeline, project: str, book: Book) -> None:
    """A feature a call, so that sums by feature are single calls."""
    expected: dict[str, Decimal] = {}
    searches_without_rate: set[str] = set()
    tokens_without_rate: set[str] = set()
    without_rate = {
        (r.provider, r.model, kind)
        for r in book.rows()
        for kind, rate in zip(BUCKETS, r.rates.buckets, strict=True)
        if rate is None
    }
    calls: list[Call] = []
    for number, sample in enumerate(samples(book, 10_000)):
        feature = f"f{number}"
        call = sample.call()
        call.feature = feature
        calls.append(call)
        expected[feature] = sample.by_genai_prices()
        if sample.web_searches and replace(sample, web_searches=0).by_genai_prices() == expected[feature]:
            searches_without_rate.add(feature)
        used = {"uncached": sample.input_tokens, "answer": sample.output_tokens}
        if any(count and (sample.provider, sample.model, kind) in without_rate for kind, count in used.items()):
            tokens_without_rate.add(feature)
    for start in range(0, len(calls), 2000):
        traces = otlp.read_traces(body(*calls[start : start + 2000]), otlp.Encoding.PROTOBUF)
        pipeline.journal.append(traces.body, project).result(30)
    pipeline.drain(120)
    rows = pipeline.store.rows(
        "SELECT feature, sum(s.cost_usd) AS usd, sumIf(s.calls, cost_usd IS NULL) AS unpriced, "
        "sumIf(s.quantity, s.cost_usd IS NULL) AS unpriced_units FROM spend AS s "
        "WHERE grain = 'minute' AND project = {p:String} GROUP BY feature",
        {"p": project},
    )
    found = {row["feature"]: row for row in rows}
    assert found.keys() == expected.keys()
    # The named difference: what genai-prices has no rate for costs nothing there; here it is unknown and counted.
    assert {f for f, row in found.items() if row["unpriced"]} == tokens_without_rate
    assert len(tokens_without_rate) < 2_000
    assert {f for f, row in found.items() if row["unpriced_units"]} == searches_without_rate
    different = {
        f: (row["usd"], expected[f])
        for f, row in found.items()
        if not row["unpriced"] and abs(row["usd"] - expected[f]) > NANODOLLAR
    }
    assert different == {}


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

    cheaper = Book()
    cheaper.__dict__["version"] = "test@2"
    Catalog(store, cheaper).load()
    assert store.rows("SELECT argMax(book_version, loaded_at) AS v, count() AS n FROM price_books") == [
        {"v": "test@2", "n": 2}
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
