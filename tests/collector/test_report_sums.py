"""The report prices sums; `spend` prices rows: to the last digit the same bill."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from breakeven_collector import otlp
from breakeven_collector.period import Period, between
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.price_overrides import Override, set_override, unset_override
from breakeven_collector.report import Dimension, build_report, usd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.spans import Call, body

NOW = datetime(2026, 11, 20, 15, 20, tzinfo=UTC)
FIRST = date(2026, 11, 10)
ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York")


@pytest.fixture(scope="module")
def filled(pipeline: Pipeline) -> Pipeline:
    """Calls of ten days, some without usage, some with kinds of tokens that have no rate, some removed."""
    calls = [
        Call(
            at=datetime.combine(FIRST, time(), UTC) + timedelta(minutes=97 * n),
            feature=("search", "triage", None)[n % 3],
            model=("gpt-4o", "acme-7b", "o3", "deepseek-chat")[n % 4],
            provider=("openai", "vllm", "openai", "deepseek")[n % 4],
            input_tokens=None if n % 7 == 0 else 1000 + n,
            output_tokens=None if n % 7 == 0 else 10 + n,
            attributes={
                "breakeven.tenant": f"t{n % 4}",
                "user.id": f"u{n % 6}",
                **({"gen_ai.usage.cache_read.input_tokens": 400} if n % 5 == 0 else {}),
            },
        )
        for n in range(150)
    ]
    pipeline.journal.append(otlp.read_traces(body(*calls), otlp.Encoding.PROTOBUF).body, "sums").result(10)
    pipeline.drain()
    return pipeline


def of_minutes(pipeline: Pipeline, column: str, start: datetime, end: datetime) -> dict[str, tuple[Any, ...]]:
    """Name → calls, input tokens, dollars, estimate, unpriced calls: each row of the ledger priced by itself."""
    rows = pipeline.store.rows(
        f"SELECT toString({column}) AS name, sum(s.calls) AS calls, sum(s.input_tokens) AS input_tokens, "
        "sum(s.cost_usd) AS usd, sum(s.estimated_usd) AS estimated, sumIf(s.calls, s.unpriced_reason != '') AS unpriced "
        "FROM spend AS s WHERE grain = 'minute' AND project = 'sums' AND counted IN ('yes', 'late') "
        "AND at >= toDateTime({a:UInt32}, 'UTC') AND at < toDateTime({b:UInt32}, 'UTC') GROUP BY name HAVING calls != 0",
        {"a": int(start.timestamp()), "b": int(end.timestamp())},
    )
    return {
        row["name"]: (row["calls"], row["input_tokens"], row["usd"], row["estimated"], row["unpriced"]) for row in rows
    }


def reported(pipeline: Pipeline, by: Dimension, period: Period) -> dict[str, tuple[Any, ...]]:
    """The same as the report has it."""
    document = build_report(pipeline.store, by=by, period=period, project="sums", now=NOW)
    return {
        row[str(by)] or "": (
            row["calls"],
            row["input_tokens"],
            None if row["cost_usd"] is None else Decimal(row["cost_usd"]),
            None if row["estimated_usd"] is None else Decimal(row["estimated_usd"]),
            row["unpriced_calls"],
        )
        for row in document[by.plural]
    }


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    by=st.sampled_from([Dimension.FEATURE, Dimension.TENANT, Dimension.USER, Dimension.MODEL, Dimension.DAY]),
    zone=st.sampled_from(ZONES),
    first=st.integers(0, 8),
    length=st.integers(0, 4),
)
def test_a_report_is_the_sum_of_the_minutes_priced_one_by_one(
    filled: Pipeline, by: Dimension, zone: str, first: int, length: int
) -> None:
    day = FIRST + timedelta(days=first)
    period = between(day, day + timedelta(days=length), NOW, zone)
    end = min(period.end, datetime.combine(day + timedelta(days=length + 1), time(), ZoneInfo(zone)))
    column = {Dimension.USER: "user_id", Dimension.DAY: f"toDate(at, '{zone}')"}.get(by, str(by))
    assert reported(filled, by, period) == of_minutes(filled, column, period.start, end)
    document = build_report(filled.store, by=by, period=period, project="sums", now=NOW)
    earlier = of_minutes(filled, "project", period.previous_start, period.previous_end)
    assert document["totals"]["previous_cost_usd"] == (usd(earlier["sums"][2]) if earlier else None)
    if by is Dimension.DAY:
        assert {row["previous_cost_usd"] for row in document["days"]} <= {None}


def test_so_it_is_with_contracts_that_begin_and_end(filled: Pipeline) -> None:
    own = {"input": Decimal(2), "output": Decimal("0.5"), "cache_read": Decimal("0.25")}
    deals = [
        Override(
            "gpt-4o",
            FIRST + timedelta(3),
            FIRST + timedelta(6),
            project="sums",
            provider="openai",
            percent_off=Decimal(50),
        ),
        Override(
            "gpt-4o",
            FIRST + timedelta(5),
            FIRST + timedelta(8),
            project="sums",
            provider="openai",
            usd_per_million_tokens=own,
        ),
        Override("acme-7b", FIRST + timedelta(2), provider="vllm", project="sums", usd_per_million_tokens=own),
    ]
    period = between(FIRST, FIRST + timedelta(days=9), NOW, "UTC")
    without = reported(filled, Dimension.MODEL, period)
    entered = [set_override(filled.store, filled.catalog, deal)["entry"] for deal in deals]
    try:
        for by in (Dimension.MODEL, Dimension.TENANT, Dimension.DAY):
            column = "toDate(at)" if by is Dimension.DAY else str(by)
            assert reported(filled, by, period) == of_minutes(filled, column, period.start, period.end)
        held = reported(filled, Dimension.MODEL, period)
        assert {model for model, row in held.items() if row != without[model]} == {"gpt-4o", "acme-7b"}
    finally:
        for entry in entered:
            unset_override(filled.store, entry["entry_id"])
