"""Books: which one is active, how a newer one is taken, and history at another book's prices."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector import otlp, price_documents
from breakeven_collector.catalog import Catalog
from breakeven_collector.errors import BadRequest, StoreError
from breakeven_collector.ledger import Ledger
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.price_book_diff import compare
from breakeven_collector.price_service import PriceService
from breakeven_collector.prices import Book
from breakeven_collector.projects import of_project
from breakeven_collector.store import Store
from breakeven_schema import apply

from tests.conftest import quick_settings
from tests.spans import Call, body


def data_file(**models: dict[str, Any]) -> bytes:
    """genai-prices' data with some of OpenAI's models put in place of its own."""
    document = json.loads(Book().document)
    openai = next(p for p in document if p["id"] == "openai")
    openai["models"] = [m for m in openai["models"] if m["id"] not in models] + [
        {"id": id, "match": {"equals": id}, **model} for id, model in models.items()
    ]
    return json.dumps(document).encode()


def service(store: Store) -> PriceService:
    catalog = Catalog(store)
    catalog.load()
    return PriceService(store, catalog, Ledger(store))


def active(store: Store) -> str:
    return Catalog(store).versions()[-1]


def land(pipeline: Pipeline, *calls: Call) -> None:
    pipeline.journal.append(otlp.read_traces(body(*calls), otlp.Encoding.PROTOBUF).body, "default").result(10)
    pipeline.drain()


def test_a_book_comes_through_its_document_as_it_was() -> None:
    book = Book()
    again = Book(price_documents.parse(book.document))
    assert list(again.rows()) == list(book.rows())
    assert again.version == book.version
    for names in (("openai", "gpt-4o"), ("aws", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"), ("", "gpt-9")):
        assert again.resolve(*names, "") == book.resolve(*names, "")


def test_a_data_file_as_genai_prices_publishes_it_is_a_book() -> None:
    text = (
        '[{"id":"acme","name":"Acme","api_pattern":"https://acme\\\\.com","model_match":{"contains":"acme"},'
        '"extractors":[{"api_flavor":"of a newer format"}],"models":[{"id":"acme-1","match":{"or":[{"starts_with":"acme-1"},'
        '{"regex":"^acme-one$"}]},"context_window":200000,"prices":[{"prices":{"input_mtok":{"base":3,"tiers":[{"start":200000,'
        '"price":6}]},"output_mtok":0.1}},{"constraint":{"start_date":"2026-03-13"},"prices":{"input_mtok":3,"output_mtok":0.1}}]}]}]'
    )
    book = Book(price_documents.parse(text), "genai-prices@file")
    assert book.resolve("", "acme-one", "").tier_starts == (200000,)
    told = [(r.tier_start, f"{r.valid_from:%Y-%m-%d}", r.rates.buckets[0]) for r in book.rows()]
    assert told == [
        (0, "2020-01-01", Decimal("0.000003")),
        (200000, "2020-01-01", Decimal("0.000006")),
        (200000, "2026-03-13", Decimal("0.000003")),
    ]
    assert next(book.rows()).rates.buckets[6] == Decimal("0.0000001"), "not a float's 0.1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"nope", "not a JSON document"),
        (b"{}", "must be a list of providers"),
        (b'[{"id": "acme"}]', "not a data file of genai-prices: .*name"),
        (b'[{"id":"a","name":"A","api_pattern":"a","models":[]}]', "prices no model"),
    ],
)
def test_what_is_no_data_file_is_refused(store: Store, text: bytes, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        service(store).sync(text, dry_run=True)
    assert active(store) == Book().version


def test_a_synced_book_prices_after_a_restart_and_for_other_collectors(empty_store: Store, tmp_path: Path) -> None:
    settings = quick_settings(empty_store.dsn, tmp_path)
    newer = data_file(**{"gpt-9": {"prices": {"input_mtok": 7, "output_mtok": 7}}})
    with Pipeline(settings, empty_store) as pipeline:
        prices = PriceService(pipeline.store, pipeline.catalog, pipeline.ledger)
        shown = prices.sync(newer, dry_run=True)
        assert (shown["applied"], active(pipeline.store)) == (False, Book().version)
        assert [m["model"] for m in shown["added"]] == ["gpt-9"]
        other = Catalog(pipeline.store)
        other.load()
        assert prices.sync(newer)["applied"]
        version = active(pipeline.store)
        assert version.startswith("genai-prices@file+sha256:")
        assert other.resolve(("openai", "gpt-9", "")).model == "gpt-9", "a catalogue that loaded the older book"
    # A restart: this program's own book is not new to the store.
    with Pipeline(settings, Store(empty_store.dsn)) as pipeline:
        assert active(pipeline.store) == version
        land(pipeline, Call(model="gpt-9", input_tokens=1_000_000, output_tokens=0))
        spent = pipeline.store.rows("SELECT sum(s.cost_usd) AS usd FROM spend AS s WHERE grain = 'day'")
        assert spent == [{"usd": Decimal(7)}]
        # Back to the one that came with the package: known by what it says, not by where it is from.
        prices = PriceService(pipeline.store, pipeline.catalog, pipeline.ledger)
        assert prices.sync(Book().document.encode())["known"]
        assert active(pipeline.store) == Book().version
        assert len(pipeline.catalog.versions()) == 2
        spent = pipeline.store.rows("SELECT sum(s.cost_usd) AS usd FROM spend AS s WHERE grain = 'day'")
        assert spent == [{"usd": None}]


def rates_of(store: Store, book: str, model: str) -> list[tuple[int, Decimal]]:
    rows = store.rows(
        "SELECT tier_start, tupleElement(rate, 'uncached') * 1000000 AS usd FROM rates_of(book={b:String}) WHERE name_id = sipHash64('openai', {m:String}, '') "
        "AND valid_from <= now() ORDER BY valid_from DESC LIMIT 1 BY tier_start",
        {"b": book, "m": model},
    )
    return sorted((row["tier_start"], row["usd"]) for row in rows)


def test_another_book_prices_history_at_the_ledgers_edges_and_tells_what_is_approximated(
    empty_store: Store, tmp_path: Path
) -> None:
    def model(edge: int, base: int) -> dict[str, Any]:
        return {"prices": {"input_mtok": {"base": base, "tiers": [{"start": edge, "price": base * 10}]}}}

    with Pipeline(quick_settings(empty_store.dsn, tmp_path), empty_store) as pipeline:
        store = pipeline.store
        prices = PriceService(store, pipeline.catalog, pipeline.ledger)
        flat = {"prices": {"input_mtok": 9}}
        prices.sync(data_file(**{"gpt-9": model(100, 1), "gpt-8": flat}))
        first = active(store)
        sizes = [100, 150, 250]
        land(pipeline, *(Call(model="gpt-9", input_tokens=n, output_tokens=0) for n in sizes), Call(model="gpt-8"))
        prices.sync(data_file(**{"gpt-9": model(200, 2), "gpt-8": flat}))
        second = active(store)
        bands = "SELECT tier_start, sum(calls) AS n FROM spend_slices WHERE model = 'gpt-9' GROUP BY tier_start HAVING n != 0 ORDER BY tier_start"
        assert store.rows(bands) == [{"tier_start": 0, "n": 2}, {"tier_start": 200, "n": 1}], (
            "cut along the active book"
        )

        # At every edge that any book has, the rate of the highest own edge not above.
        assert rates_of(store, second, "gpt-9") == [(0, 2), (100, 2), (200, 20)]
        assert rates_of(store, "", "gpt-9") == rates_of(store, second, "gpt-9")
        assert rates_of(store, first, "gpt-9") == [(0, 1), (100, 10), (200, 10)]
        assert rates_of(store, first, "gpt-8") == rates_of(store, second, "gpt-8") == [(0, 9)]
        assert rates_of(store, Book().version, "gpt-9") == []
        approximated = [
            {
                "provider": "openai",
                "model": "gpt-9",
                "price_context": "",
                "uncut_tier_starts": [100],
                "uncut_day_starts": [],
            }
        ]
        assert store.query_file("approximated_names", {"book": first, **of_project(None)}) == approximated
        assert store.query_file("approximated_names", {"book": second, **of_project(None)}) == []

        # Names that came later are looked up in older books on demand.
        land(pipeline, Call(model="gpt-4o"))
        assert rates_of(store, first, "gpt-4o") == []
        pipeline.catalog.prepare(first)
        assert rates_of(store, first, "gpt-4o") == [(0, Decimal("2.5"))]
        with pytest.raises(StoreError, match=r"no book 'nope' in .*; it has genai-prices@"):
            pipeline.catalog.prepare("nope")


def test_aliases_in_the_config_hold_from_the_next_start_for_history_too(empty_store: Store, tmp_path: Path) -> None:
    settings = quick_settings(empty_store.dsn, tmp_path)
    with Pipeline(settings, empty_store) as pipeline:
        land(pipeline, Call(provider="azure.ai.openai", model="prod", input_tokens=1_000_000, output_tokens=0))
        spent = "SELECT sum(s.cost_usd) AS usd FROM spend AS s WHERE grain = 'day'"
        assert pipeline.store.rows(spent) == [{"usd": None}]
    settings.config.write_text('[[models]]\nmodel = "prod"\nbook_model = "gpt-4o"\n')
    with Pipeline(settings, Store(empty_store.dsn)) as pipeline:
        assert pipeline.store.rows(spent) == [{"usd": Decimal("2.5")}]


def test_names_of_early_stores_have_their_prices_before_a_collector_has_run(store: Store) -> None:
    Catalog(store).load()
    names = ["provider", "model", "price_context", "book_provider", "book_model", "book_version", "resolved_at"]
    store.run(
        f"INSERT INTO model_names ({', '.join(names)}) SELECT 'openai', 'gpt-4o', '', 'openai', 'gpt-4o', {{v:String}}, now64(6)",
        {"v": Book().version},
    )
    assert rates_of(store, "", "gpt-4o") == []
    store.run("ALTER TABLE migrations DELETE WHERE name = '0042_add_book_names.sql' SETTINGS mutations_sync = 1")
    apply(store.client())
    assert rates_of(store, "", "gpt-4o") == [(0, Decimal("2.5"))]


def test_the_difference_of_two_books_names_what_changes_today_and_how_far() -> None:
    old = Book(price_documents.parse(data_file(gone={"prices": {"input_mtok": 1}}, one={"prices": {"input_mtok": 2, "output_mtok": 4}})), "old")  # fmt: skip
    tiers = {"input_mtok": {"base": 2, "tiers": [{"start": 100, "price": 3}]}, "output_mtok": 4.4}
    new = Book(price_documents.parse(data_file(come={"prices": {"input_mtok": 1}}, one={"prices": tiers})), "new")
    difference = compare(old, new)
    same = {"provider": "openai", "model": "one", "price_context": "standard", "from_second_of_day": 0}
    assert difference == {
        "from": old.version,
        "to": new.version,
        "added": [{"provider": "openai", "model": "come"}],
        "removed": [{"provider": "openai", "model": "gone"}],
        "changed": [
            {**same, "above_input_tokens": 0, "kind": "answer", "old_usd": "4", "new_usd": "4.4", "percent": 10.0, "large": False},
            {**same, "above_input_tokens": 100, "kind": "uncached", "old_usd": "2", "new_usd": "3", "percent": 50.0, "large": True},
            {**same, "above_input_tokens": 100, "kind": "answer", "old_usd": "4", "new_usd": "4.4", "percent": 10.0, "large": False},
        ],
        "other_dates": [],
        "large": 1,
    }  # fmt: skip
    past = [{"prices": {"input_mtok": 9}}, {"constraint": {"start_date": "2026-01-01"}, "prices": {"input_mtok": 1}}]
    later = Book(price_documents.parse(data_file(come={"prices": past}, one={"prices": tiers})), "later")
    assert compare(new, later)["other_dates"] == [{"provider": "openai", "model": "come"}]
    assert compare(new, later)["changed"] == []
