"""The report: the right days, the right sums, and how far they can be trusted."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from breakeven_collector import otlp
from breakeven_collector.features import Feature
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.report import Dimension, build_report, usd
from hypothesis import given
from hypothesis import strategies as st

from tests.spans import NATIVE, Call, body

NOW = datetime(2026, 11, 20, 15, 20, tzinfo=UTC)
# gpt-4o costs $2.50 and $10 a million tokens: the call of tests/spans.py costs $0.0035.
ONE_CALL_USD = Decimal("0.0035")


def land(pipeline: Pipeline, project: str, *calls: Call, **keywords: Any) -> None:
    pipeline.journal.append(otlp.read_traces(body(*calls, **keywords), otlp.Encoding.PROTOBUF).body, project).result(10)
    pipeline.drain()


def ago(**delta: float) -> datetime:
    return NOW - timedelta(**delta)


def test_the_whole_document_for_a_small_bill(pipeline: Pipeline, project: str) -> None:
    land(
        pipeline,
        project,
        Call(at=ago(hours=1), feature="search", attributes={"gen_ai.usage.cache_read.input_tokens": 400}),
        Call(at=ago(hours=2), feature="search", input_tokens=None, output_tokens=None),
        Call(at=ago(hours=3), feature="triage", response_id="r1"),
        Call(at=ago(hours=3), feature="triage", response_id="r1", scope=NATIVE),
        Call(at=ago(hours=4), feature=None, model="acme-7b", provider="vllm"),
        Call(at=ago(days=40), feature="search"),
    )
    document = build_report(
        pipeline.store, days=30, now=NOW, project=project, features={"search": Feature("team-a", "CC1", Decimal(50))}
    )
    assert document.pop("price_book").startswith("genai-prices@")
    search = {
        "feature": "search",
        "allocated_calls": 2,
        "owner": "team-a",
        "cost_centre": "CC1",
        "budget_usd_per_month": "50",
        "calls": 2,
        "failed_calls": 0,
        "input_tokens": 1000,
        "cached_input_tokens": 400,
        "output_tokens": 100,
        "cost_usd": "0.003",
        "estimated_usd": None,
        "cost_per_call_usd": "0.003",
        "share": 0.461538462,
        "cumulative_share": 1.0,
        "previous_cost_usd": "0.0035",
        "trend": -0.1429,
        "unpriced_calls": 1,
        "unpriced_units": "0",
    }
    triage = {
        **search,
        "feature": "triage",
        "allocated_calls": 1,
        "owner": None,
        "cost_centre": None,
        "budget_usd_per_month": None,
        "calls": 1,
        "cached_input_tokens": 0,
        "cost_usd": "0.0035",
        "cost_per_call_usd": "0.0035",
        "share": 0.538461538,
        "cumulative_share": 0.538461538,
        "previous_cost_usd": None,
        "trend": None,
        "unpriced_calls": 0,
    }
    unallocated = {
        **triage,
        "feature": None,
        "allocated_calls": 0,
        "cost_usd": None,
        "cost_per_call_usd": None,
        "share": None,
        "cumulative_share": None,
        "unpriced_calls": 1,
    }
    assert document == {
        "period": {
            "from": "2026-10-22T00:00:00+00:00",
            "to": "2026-11-20T15:20:00+00:00",
            "days": 30,
            "timezone": "UTC",
        },
        "by": "feature",
        "features": [triage, search, unallocated],
        "totals": {
            "calls": 4,
            "failed_calls": 0,
            "input_tokens": 3000,
            "cached_input_tokens": 400,
            "output_tokens": 300,
            "cost_usd": "0.0065",
            "estimated_usd": None,
            "estimated_calls": 0,
            "reported_usd": None,
            "allocated_usd": "0.0065",
            "mapped_usd": None,
            "previous_cost_usd": "0.0035",
            "trend": 0.8571,
            "unpriced_calls": 2,
        },
        "coverage": {
            "priced": 0.5,
            "reported_usage": 0.75,
            "allocated": 0.75,
            "allocated_usd": 1.0,
            "reported_usd": 0.0,
            "estimated_usd": 0.0,
        },
        "unpriced": [
            {
                "reason": "no usage reported",
                "provider": "openai",
                "model": "gpt-4o",
                "meter": None,
                "calls": 1,
                "quantity": None,
                "estimated_usd": None,
            },
            {
                "reason": "model not in the price book",
                "provider": "vllm",
                "model": "acme-7b",
                "meter": None,
                "calls": 1,
                "quantity": None,
                "estimated_usd": None,
            },
        ],
        "unallocated": [{"service": "api", "calls": 1, "cost_usd": None, "estimated_usd": None}],
        "retries": {"calls": 0, "cost_usd": None, "resends": 0},
        "gateway_cache": {"calls": 0, "avoided_usd": None},
        "config_error": None,
        "late": {"calls": 0, "cost_usd": None},
        "removed": {
            "duplicate_calls": 1,
            "wrapper_calls": 0,
            "cost_usd": "0.0035",
            "rows": [{"feature": "triage", "duplicate_calls": 1, "wrapper_calls": 0, "cost_usd": "0.0035"}],
        },
        "lost": {"spans": 0, "numbered": 0},
    }


@pytest.mark.parametrize("by", [Dimension.FEATURE, Dimension.COST_CLASS, Dimension.TENANT])
def test_every_dimension_cuts_the_period_and_the_one_before_at_the_same_quarter(
    pipeline: Pipeline, project: str, by: Dimension
) -> None:
    attributes = {"breakeven.tenant": "acme", "user.id": "u1"}
    inside = [NOW, ago(minutes=1), ago(days=6), NOW.replace(hour=0, minute=0) - timedelta(days=6)]
    before = [
        ago(days=7, minutes=1),
        ago(days=7, minutes=21),
        ago(days=13),
        NOW.replace(hour=0, minute=0) - timedelta(days=13),
    ]
    # After this time of the last day before, and before its first day.
    neither = [
        ago(days=7, minutes=-1),
        NOW.replace(hour=23) - timedelta(days=7),
        NOW.replace(hour=23) - timedelta(days=14),
    ]
    land(pipeline, project, *[Call(at=at, attributes=attributes) for at in (*inside, *before, *neither)])
    document = build_report(pipeline.store, days=7, by=by, now=NOW, project=project)
    (row,) = document[by.plural]
    name = {
        "feature": "search",
        "model": "gpt-4o",
        "provider": "openai",
        "tenant": "acme",
        "user": "u1",
        "service": "api",
        "environment": None,
        "owner": None,
        "cost_centre": None,
        "cost_class": "cost_of_goods",
    }[by]
    assert (row[str(by)], row["calls"], Decimal(row["cost_usd"])) == (name, 4, 4 * ONE_CALL_USD)
    # The period before is cut at 15:15, the quarter that every dimension has.
    assert Decimal(row["previous_cost_usd"]) == 3 * ONE_CALL_USD


def test_features_above_the_rule_make_eighty_percent(pipeline: Pipeline, project: str) -> None:
    sizes = {"a": 50, "b": 25, "c": 15, "d": 10}
    land(
        pipeline,
        project,
        *[
            Call(at=ago(minutes=n), feature=f, input_tokens=0, output_tokens=t)
            for n, (f, t) in enumerate(sizes.items())
        ],
    )
    rows = build_report(pipeline.store, now=NOW, project=project)["features"]
    assert [(row["feature"], row["share"], row["cumulative_share"]) for row in rows] == [
        ("a", 0.5, 0.5),
        ("b", 0.25, 0.75),
        ("c", 0.15, 0.9),
        ("d", 0.1, 1.0),
    ]


def test_numbers_that_never_came_are_counted_as_lost(pipeline: Pipeline, project: str) -> None:
    def numbered(*numbers: int, source: str) -> list[Call]:
        return [
            Call(at=ago(minutes=n), attributes={"breakeven.seq": n, "breakeven.seq.source": source}) for n in numbers
        ]

    land(pipeline, project, *numbered(1, 2, 5, source="p1"), *numbered(1, 2, 3, source="p2"))
    assert build_report(pipeline.store, now=NOW, project=project)["lost"] == {"spans": 2, "numbered": 8}
    land(pipeline, project, *numbered(3, 5, source="p1"))
    assert build_report(pipeline.store, now=NOW, project=project)["lost"] == {"spans": 1, "numbered": 8}


def test_an_inferred_name_is_shown_and_not_counted_as_allocated(pipeline: Pipeline, project: str) -> None:
    land(
        pipeline,
        project,
        Call(at=ago(hours=1), feature=None, attributes={"gen_ai.agent.name": "helper"}),
        Call(at=ago(hours=1)),
    )
    document = build_report(pipeline.store, now=NOW, project=project)
    assert {row["feature"]: row["allocated_calls"] for row in document["features"]} == {"helper": 0, "search": 1}
    assert document["coverage"]["allocated"] == 0.5


def test_a_meter_without_a_rate_is_listed_with_its_quantity(pipeline: Pipeline, project: str) -> None:
    land(
        pipeline,
        project,
        Call(at=ago(hours=1), attributes={"breakeven.meter.session_hour": 1.5, "breakeven.meter.web_search": 2}),
    )
    document = build_report(pipeline.store, now=NOW, project=project)
    # web searches of gpt-4o cost $10 a thousand
    assert Decimal(document["totals"]["cost_usd"]) == ONE_CALL_USD + Decimal("0.02")
    assert document["features"][0]["unpriced_units"] == "1.5"
    assert document["unpriced"] == [
        {
            "reason": "no rate for the meter",
            "provider": "openai",
            "model": "gpt-4o",
            "meter": "session_hour",
            "calls": 0,
            "quantity": "1.5",
            "estimated_usd": None,
        }
    ]


def test_a_call_of_which_only_a_part_is_known_has_dollars_and_counts_as_not_fully_priced(
    pipeline: Pipeline, project: str
) -> None:
    land(
        pipeline,
        project,
        Call(at=ago(hours=1), output_tokens=None),
        Call(at=ago(hours=1), operation="embeddings", model="text-embedding-3-small", output_tokens=None),
    )
    document = build_report(pipeline.store, now=NOW, project=project)
    assert Decimal(document["totals"]["cost_usd"]) == Decimal("0.0025") + Decimal("0.00002")
    assert (document["totals"]["unpriced_calls"], document["coverage"]["priced"]) == (1, 0.5)
    assert [entry["reason"] for entry in document["unpriced"]] == ["part of the usage is missing"]


def test_an_empty_store_gives_an_empty_document(pipeline: Pipeline, project: str) -> None:
    document = build_report(pipeline.store, now=NOW, project=project)
    assert document["features"] == []
    assert document["totals"]["cost_usd"] is None
    assert set(document["coverage"].values()) == {None}


@given(st.decimals(min_value=0, max_value=10**12, places=15))
def test_an_amount_survives_its_text_exactly_and_in_plain_digits(amount: Decimal) -> None:
    text = usd(amount)
    assert text is not None
    assert Decimal(text) == amount
    assert "E" not in text
    assert text == "0" or "." not in text or not text.endswith("0")
