"""Whatever times and token counts strangers send: their neighbours in the same request stay exact."""

import math
from typing import Any

import pytest
from breakeven_collector import otlp
from breakeven_collector.pipeline import Pipeline
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.spans import Call, after, request

NOON_NS = 1_795_176_000 * 10**9
DAY_NS = 86_400 * 10**9

TIMES = {
    "zero": (0, 0),
    "start_zero": (0, NOON_NS),
    "end_zero": (NOON_NS, 0),
    "1970": (10**9, 2 * 10**9),
    "2019": (1_577_836_799 * 10**9, 1_577_836_800 * 10**9),
    "2262": (9_223_372_036_854_775_807, 9_223_372_036_854_775_807),
    "beyond_2262": (2**64 - 1, 2**64 - 1),
    "a_year_ahead": (NOON_NS + 365 * DAY_NS, NOON_NS + 365 * DAY_NS + 1),
    "end_before_start": (NOON_NS, NOON_NS - 10**9),
    "ten_years_long": (NOON_NS - 3650 * DAY_NS, NOON_NS),
}
TOKENS: dict[str, Any] = {
    "zero": 0,
    "negative": -1,
    "int64_min": -(2**63),
    "int64_max": 2**63 - 1,
    "9.2e18": 9_200_000_000_000_000_000,
    "above_a_billion": 1_000_000_001,
    "nan": math.nan,
    "infinity": math.inf,
    "minus_infinity": -math.inf,
    "a_fraction": 12.5,
    "1e300": 1e300,
    "a_number_as_text": "123",
    "text": "many",
    "a_long_text": "9" * 10_000,
    "empty": "",
    "true": True,
}
NAMES = (
    *("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.cache_read.input_tokens"),
    *("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.total_tokens", "gen_ai.usage.cost", "breakeven.seq"),
)


def with_hostile_times() -> tuple[ExportTraceServiceRequest, int]:
    calls = [Call(at=after(n), feature="hostile") for n in range(len(TIMES))]
    message = request(*calls)
    for span, (start, end) in zip(message.resource_spans[0].scope_spans[0].spans, TIMES.values(), strict=True):
        span.start_time_unix_nano, span.end_time_unix_nano = start, end
    return message, len(calls)


def with_hostile_tokens() -> tuple[ExportTraceServiceRequest, int]:
    calls = [
        Call(at=after(n), feature="hostile", attributes={name: value})
        for n, (name, value) in enumerate((name, value) for name in NAMES for value in TOKENS.values())
    ]
    return request(*calls), len(calls)


@pytest.mark.parametrize("hostile", [with_hostile_times, with_hostile_tokens])
def test_neighbours_of_hostile_values_are_exact_and_every_call_is_counted(
    pipeline: Pipeline, project: str, hostile: Any
) -> None:
    message, count = hostile()
    good = request(*(Call(at=after(n), input_tokens=1000 + n, output_tokens=10) for n in range(50)))
    # the same request, the same resource and scope
    spans = message.resource_spans[0].scope_spans[0].spans
    mixed = [span for pair in zip(good.resource_spans[0].scope_spans[0].spans, spans, strict=False) for span in pair]
    rest = [*good.resource_spans[0].scope_spans[0].spans[len(spans) :], *spans[50:]]
    del spans[:]
    spans.extend([*mixed, *rest])
    before = pipeline.shipper.quarantined_requests

    traces = otlp.read_traces(message.SerializeToString(), otlp.Encoding.PROTOBUF)
    assert (traces.spans, traces.rejected) == (count + 50, 0)
    pipeline.journal.append(traces.body, project).result(10)
    pipeline.drain()

    rows = pipeline.store.rows(
        "SELECT feature, toInt64(sum(s.calls)) AS calls, toInt64(sum(uncached_tokens)) AS input, "
        "toInt64(sum(answer_tokens)) AS output, toInt64(sumIf(s.calls, toDate(slice) = '2026-11-20')) AS on_the_day "
        "FROM spend_slices AS s WHERE project = {p:String} AND counted = 'yes' GROUP BY feature ORDER BY feature",
        {"p": project},
    )
    hostile_row, good_row = rows
    assert good_row == {
        "feature": "search",
        "calls": 50,
        "input": sum(range(1000, 1050)),
        "output": 500,
        "on_the_day": 50,
    }
    assert (hostile_row["feature"], hostile_row["calls"]) == ("hostile", count)
    # not one is beyond what one call can use
    assert 0 <= hostile_row["input"] <= count * 10**9
    assert 0 <= hostile_row["output"] <= count * 10**9
    days = pipeline.store.rows(
        "SELECT min(ts) AS first, max(ts) AS last FROM calls WHERE project = {p:String}", {"p": project}
    )
    assert days[0]["first"].year >= 2020
    assert days[0]["last"].year <= 2026
    assert pipeline.shipper.quarantined_requests == before
    dollars = pipeline.store.rows(
        "SELECT toString(sum(cost_usd)) AS cost FROM spend WHERE project = {p:String} AND feature = 'search' AND grain = 'day'",
        {"p": project},
    )
    assert dollars[0]["cost"] == str((sum(range(1000, 1050)) * 25 + 500 * 100) / 10**7)
