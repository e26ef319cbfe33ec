"""Own prices: contracts, percentages off, self-hosted models."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from breakeven_collector import gpu_rates, otlp
from breakeven_collector.errors import BadRequest
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.price_overrides import Override, list_overrides, set_override, unset_override
from breakeven_collector.prices import BUCKETS, METERS
from breakeven_collector.store import Store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import quick_settings
from tests.spans import NOON, Call, body

FIRST = date(2026, 11, 1)


@pytest.fixture(scope="module")
def prices(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A store for this module: an override for all projects must not reach other tests."""
    dsn = f"chdb://{engine_folder}?database=overrides_{uuid4().hex[:8]}"
    with Pipeline(quick_settings(dsn, tmp_path_factory.mktemp("overrides"))) as pipeline:
        yield pipeline


def land(pipeline: Pipeline, project: str, *calls: Call) -> None:
    pipeline.journal.append(otlp.read_traces(body(*calls), otlp.Encoding.PROTOBUF).body, project).result(10)
    pipeline.drain()


def enter(pipeline: Pipeline, model: str, **fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"model": model, "valid_from": FIRST, **fields}
    return set_override(pipeline.store, pipeline.catalog, Override(**given))


def stretches(store: Store, model: str, columns: str, context: str = "", provider: str = "openai") -> list[Any]:
    rows = store.rows(
        f"SELECT toString(toDate(valid_from)) AS start, toString(toDate(valid_to)) AS end, {columns} AS told FROM override_rates "
        "WHERE name_id = sipHash64({p:String}, {m:String}, {c:String}) ORDER BY valid_from",
        {"p": provider, "m": model, "c": context},
    )
    return [tuple(row.values()) for row in rows]


def test_after_a_short_inner_deal_the_outer_one_holds_again(prices: Pipeline, project: str) -> None:
    model = f"m-{project}"
    land(prices, project, Call(model=model))
    enter(prices, model, percent_off=Decimal(10))
    enter(prices, model, percent_off=Decimal(30), valid_from=date(2026, 11, 10), valid_to=date(2026, 11, 12))
    assert stretches(prices.store, model, "book_factor") == [
        ("2026-11-01", "2026-11-10", Decimal("0.9")),
        ("2026-11-10", "2026-11-12", Decimal("0.7")),
        ("2026-11-12", "2100-01-01", Decimal("0.9")),
    ]
    # One that is taken back leaves what it hid.
    inner = next(e for e in list_overrides(prices.store) if e["model"] == model and e["percent_off"] == "30")
    assert unset_override(prices.store, inner["entry_id"]) == [inner]
    stretch = stretches(prices.store, model, "book_factor")
    assert {told for _, _, told in stretch} == {Decimal("0.9")}
    assert unset_override(prices.store, model)[0]["percent_off"] == "10", "the only one left, by its model"
    assert stretches(prices.store, model, "book_factor") == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.integers(1, 12), st.sampled_from(["", "p"]), st.booleans()),
        min_size=1,
        max_size=7,
    )
)
def test_on_every_day_the_entry_made_last_holds_whatever_overlaps(
    prices: Pipeline, deals: list[tuple[int, int, str, bool]]
) -> None:
    """Entries of two scopes, some of them taken back, against a model of one line."""
    model = f"m-{uuid4().hex}"
    store = prices.store
    store.insert("model_names", ["provider", "model", "resolved_at"], [("openai", model, datetime.now(UTC))])
    for number, (start, length, scope, taken_back) in enumerate(deals):
        first = FIRST + timedelta(days=start)
        entry = enter(
            prices,
            model,
            provider="openai",
            percent_off=Decimal(number),
            valid_from=first,
            valid_to=first + timedelta(days=length),
            project=scope,
        )
        if taken_back:
            unset_override(store, entry["entry"]["entry_id"])
    for scope in ("", "p"):
        rows = store.rows(
            "SELECT toString(toDate(valid_from)) AS valid_from, toString(toDate(valid_to)) AS valid_to, toUInt32(round((1 - assumeNotNull(book_factor)) * 100)) AS number FROM override_rates "
            "WHERE name_id = sipHash64('openai', {m:String}, '') AND project = {s:String} ORDER BY valid_from",
            {"m": model, "s": scope},
        )
        assert all(a["valid_to"] <= b["valid_from"] for a, b in pairwise(rows)), "disjoint"
        for day in range(26):
            at = f"{FIRST + timedelta(days=day)}"
            holding = [
                n for n, (start, length, s, gone) in enumerate(deals) if s == scope and not gone and start <= day < start + length
            ]  # fmt: skip
            found = [row["number"] for row in rows if row["valid_from"] <= at < row["valid_to"]]
            assert found == holding[-1:], (scope, day)


def test_a_model_of_the_book_means_all_names_of_it_and_rates_mean_the_standard_context(
    empty_store: Store, tmp_path: Path
) -> None:
    with Pipeline(quick_settings(empty_store.dsn, tmp_path), empty_store) as pipeline:
        flex = {"openai.response.service_tier": "flex"}
        land(
            pipeline,
            "default",
            Call(model="gpt-4o-2024-08-06"),
            Call(model="gpt-4o"),
            Call(model="gpt-4o", attributes=flex),
            Call(model="gpt-4o", provider="azure.ai.openai"),
            Call(model="gpt-4o-mini"),
        )
        with pytest.raises(BadRequest, match=r"'gpt-4o' came with several providers: .*--provider \(azure, openai\)"):
            enter(pipeline, "gpt-4o", percent_off=Decimal(12))

        done = enter(pipeline, "gpt-4o", provider="openai", percent_off=Decimal(12))
        held = [(n["provider"], n["model"], n["price_context"]) for n in done["names"]]
        assert held == [
            ("openai", "gpt-4o", ""),
            ("openai", "gpt-4o", "service_tier=flex"),
            ("openai", "gpt-4o-2024-08-06", ""),
        ]
        held = [n["provider"] for n in enter(pipeline, "gpt-4o", provider="azure", percent_off=Decimal(5))["names"]]
        assert held == ["azure.ai.openai"]
        own = enter(
            pipeline, "gpt-4o", provider="openai", usd_per_million_tokens={"input": Decimal(2), "output": Decimal(8)}
        )
        assert [n["price_context"] for n in own["names"]] == ["", ""]
        in_flex = enter(
            pipeline,
            "gpt-4o",
            provider="openai",
            usd_per_million_tokens={"input": Decimal(1)},
            price_context=" service_tier=flex ",
        )
        assert [n["price_context"] for n in in_flex["names"]] == ["service_tier=flex"]
        # A name that comes later falls under it by itself.
        land(pipeline, "default", Call(model="gpt-4o-2024-11-20"))
        assert stretches(pipeline.store, "gpt-4o-2024-11-20", "tupleElement(rate, 'uncached')")[-1][2] == Decimal(
            "0.000002"
        )


def test_own_rates_price_their_kinds_and_what_they_do_not_name_at_the_next_wider_one(
    prices: Pipeline, project: str
) -> None:
    model = f"m-{project}"
    usage = {
        "gen_ai.usage.cache_read.input_tokens": 300_000,
        "gen_ai.usage.cache_write.input_tokens": 200_000,
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 100_000,
        "gen_ai.usage.reasoning.output_tokens": 400_000,
        "breakeven.meter.web_search": 3,
    }
    land(prices, project, Call(model=model, input_tokens=1_000_000, output_tokens=1_000_000, attributes=usage))
    rates = {"input": Decimal(2), "output": Decimal(8), "cache_read": Decimal("0.5"), "cache_write": Decimal("2.5")}
    done = enter(
        prices,
        model,
        usd_per_million_tokens=rates,
        request_usd=Decimal("0.25"),
        meter_usd={"web_search": Decimal("0.01")},
        note="frame contract 7",
    )
    assert done["entry"] | {"entry_id": "", "entered_at": ""} == {
        "entry_id": "",
        "project": None,
        "provider": "openai",
        "model": model,
        "price_context": "standard",
        "from": "2026-11-01",
        "to": None,
        "usd_per_million_tokens": {
            **{"uncached": "2", "cache_read": "0.5", "cache_write_5m": "2.5", "cache_write_1h": "2.5"},
            **{"audio_input": "2", "image_input": "2"},
            **{"answer": "8", "reasoning": "8", "audio_output": "8", "image_output": "8"},
        },
        "request_usd": "0.25",
        "meter_usd": {"web_search": "0.01"},
        "percent_off": None,
        "gpu_hour_usd": None,
        "gpus": None,
        "amortised": None,
        "note": "frame contract 7",
        "entered_at": "",
    }
    spent = prices.store.rows(
        "SELECT sum(s.cost_usd) AS usd FROM spend AS s WHERE grain = 'day' AND project = {p:String}", {"p": project}
    )
    # 0.5 M uncached, 0.3 M read, 0.2 M written, 1 M output, one call, three searches
    assert spent == [{"usd": Decimal("1") + Decimal("0.15") + Decimal("0.5") + 8 + Decimal("0.25") + Decimal("0.03")}]


def test_gpu_hours_are_spread_over_the_tokens_of_the_day_so_that_the_bill_is_that_of_the_machines(
    prices: Pipeline, project: str
) -> None:
    model = f"m-{project}"
    days = [NOON - timedelta(days=n) for n in (3, 1)]
    cached = {"gen_ai.usage.cache_read.input_tokens": 700}
    calls = [
        Call(at=days[0], model=model, provider="vllm", input_tokens=1000, output_tokens=500, attributes=cached),
        Call(at=days[0], model=model, provider="vllm", input_tokens=300, output_tokens=200, feature="other"),
        Call(at=days[1], model=model, provider="vllm", input_tokens=9000, output_tokens=1000),
        Call(at=days[1], model=model, provider="vllm", attributes={"gen_ai.usage.cost.amount": "0.5"}),
    ]
    land(prices, project, *calls)
    now = NOON + timedelta(hours=6)  # the day of NOON is not over
    override = Override(model, days[0].date(), provider="vllm", gpu_hour_usd=Decimal("2.5"), gpus=2)
    done = set_override(prices.store, prices.catalog, override, now=now)
    load = done["entry"]["amortised"]
    # 3 days of 24 hours and one of 18; of them the third day and the last without a call
    assert load == {
        "days": 4,
        "idle_days": 2,
        "cost_usd": "450",
        "idle_usd": "210",
        "tokens": 12_000,
        "latest_day": "2026-11-19",
        "latest_usd_per_million_tokens": "12000",
    }
    by_day = (
        "SELECT toString(toDate(at)) AS day, sum(s.cost_usd) AS usd FROM spend AS s "
        "WHERE grain = 'day' AND project = {p:String} AND basis != 'reported' GROUP BY day ORDER BY day"
    )
    assert prices.store.rows(by_day, {"p": project}) == [
        {"day": "2026-11-17", "usd": Decimal(120)},
        {"day": "2026-11-19", "usd": Decimal(120)},
    ]
    amortised = stretches(prices.store, model, "amortised", provider="vllm")
    assert amortised == [("2026-11-17", "2026-11-18", True), ("2026-11-19", "2026-11-20", True)]
    # More calls of a day make its tokens cheaper, not the day dearer.
    land(prices, project, Call(at=days[0], model=model, provider="vllm", input_tokens=7000, output_tokens=1000))
    gpu_rates.update(prices.store, now=now)
    assert prices.store.rows(by_day, {"p": project})[0] == {"day": "2026-11-17", "usd": Decimal(120)}
    unset_override(prices.store, model)
    assert stretches(prices.store, model, "amortised", provider="vllm") == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "give one of: rates"),
        ({"percent_off": Decimal(1), "gpu_hour_usd": Decimal(1)}, "give one of: rates"),
        ({"usd_per_million_tokens": {"output": Decimal(1)}}, "give --input too"),
        (
            {"usd_per_million_tokens": {"input": Decimal(1), "imput": Decimal(1)}},
            "unknown rate 'imput'; known are input",
        ),
        ({"usd_per_million_tokens": {"input": Decimal(-1)}}, "-1 is not an amount of USD"),
        ({"usd_per_million_tokens": {"input": Decimal("NaN")}}, "NaN is not an amount of USD"),
        ({"percent_off": Decimal(101)}, "--percent-off 101 must be between"),
        ({"percent_off": Decimal(1), "meter_usd": {"web_search": Decimal(1)}}, "belong to own rates"),
        ({"percent_off": Decimal(1), "valid_to": FIRST}, "--to 2026-11-01 is not after --from 2026-11-01"),
        ({"percent_off": Decimal(1), "valid_from": date(1999, 1, 1)}, "dates are from 2020-01-01"),
        ({"percent_off": Decimal(1), "price_context": "flex"}, "write it like service_tier=flex"),
        ({"gpu_hour_usd": Decimal(1), "gpus": 0}, "--gpus 0 must be between"),
        ({"percent_off": Decimal(1), "model": " "}, "name the model"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_write(fields: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"model": "m", "valid_from": FIRST, **fields}
    with pytest.raises(BadRequest, match=message):
        Override(**given).check()


def test_taking_back_what_is_not_there_or_not_one_is_refused(prices: Pipeline, project: str) -> None:
    with pytest.raises(BadRequest, match="no override 'nope': `breakeven prices list`"):
        unset_override(prices.store, "nope")
    model = f"m-{project}"
    for _ in range(2):
        enter(prices, model, provider="openai", percent_off=Decimal(1))
    with pytest.raises(BadRequest, match=r"2 overrides of 'm-.*by their id: \w{8} \(from 2026-11-01\), \w{8}"):
        unset_override(prices.store, model)


def test_every_bucket_and_meter_has_a_unit_of_genai_prices() -> None:
    from genai_prices.data_units import unit_data

    assert {*BUCKETS.values(), *METERS.values()} <= unit_data.keys()
