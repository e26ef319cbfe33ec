"""The view that makes calls of spans, whichever instrumentation made them."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from breakeven import attributes
from breakeven_collector import otlp
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.store import Store
from breakeven_schema import migrations

from tests.spans import NOON, Call, after, body

Land = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def land(pipeline: Pipeline, project: str) -> Land:
    """Send requests the real way, return the rows of `calls` in order of time."""

    def send(*bodies: bytes) -> list[dict[str, Any]]:
        for one in bodies:
            pipeline.journal.append(otlp.read_traces(one, otlp.Encoding.PROTOBUF).body, project).result(10)
        pipeline.drain()
        return pipeline.store.rows(
            "SELECT * EXCEPT (project, trace_id, span_id, parent_span_id, identity, received_ns), hex(trace_id) AS trace_id, "
            "hex(span_id) AS span_id, hex(parent_span_id) AS parent_span_id FROM calls FINAL WHERE project = {p:String} "
            "ORDER BY ts, scope, span_id",
            {"p": project},
        )

    return send


def test_a_call_by_opentelemetrys_names_becomes_one_row(land: Land) -> None:
    call = Call(
        seconds=2.5,
        response_id="chatcmpl-1",
        output_tokens=300,
        attributes={
            "gen_ai.usage.cache_read.input_tokens": 600,
            "gen_ai.usage.cache_write.input_tokens": 100,
            "gen_ai.usage.reasoning.output_tokens": 150,
            "openai.response.service_tier": "Flex",
            "breakeven.task": "draft › check",
            "breakeven.run": "r1",
            "breakeven.tenant": "acme",
            "user.id": "u7",
            "session.id": "s9",
            "breakeven.tag.plan": "pro",
            "breakeven.meter.web_search": 2,
            "breakeven.meter.audio_second": 12.5,
            "gen_ai.request.stream": True,
            "http.response.status_code": 200,
        },
    )
    (row,) = land(body(call, resource={"deployment.environment.name": "prod"}))
    assert {key: str(value) if key == "ts" else value for key, value in row.items()} == {
        "ts": "2026-11-20 12:00:00",
        "environment": "prod",
        "service": "api",
        "feature": "search",
        "feature_source": "declared",
        "feature_rank": 1,
        "task": "draft › check",
        "run": "r1",
        "tenant": "acme",
        "user_id": "u7",
        "session_id": "s9",
        "tags": {"plan": "pro"},
        "scope": "opentelemetry.instrumentation.genai.openai",
        "scope_rank": 1,
        "operation": "chat",
        "provider": "openai",
        "model": "gpt-4o",
        "price_context": "service_tier=flex",
        "response_id": "chatcmpl-1",
        "input_tokens": 1000,
        "cache_read_tokens": 600,
        "cache_write_5m_tokens": 100,
        "cache_write_1h_tokens": 0,
        "audio_input_tokens": 0,
        "image_input_tokens": 0,
        "output_tokens": 300,
        "reasoning_tokens": 150,
        "audio_output_tokens": 0,
        "image_output_tokens": 0,
        "meters": {"web_search": 2, "audio_second": 12.5},
        "reported_cost_usd": None,
        "stream": True,
        "failed": False,
        "error_type": "",
        "http_status": 200,
        "basis": "usage",
        "mended": [],
        "duration_us": 2_500_000,
        "origin_id": 0,
        "retry": False,
        "resends": 0,
        "estimated_input_tokens": None,
        "estimated_output_tokens": None,
        "estimate_incomplete": False,
        "source": "",
        "their_cost_usd": None,
        "trace_id": call.trace_id.hex().upper(),
        "span_id": call.span_id.hex().upper(),
        "parent_span_id": "",
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"gen_ai.system": "openai", "gen_ai.usage.prompt_tokens": 7, "gen_ai.usage.completion_tokens": 3},
            (7, 3, "usage"),
        ),
        ({"gen_ai.usage.input_tokens": "12", "gen_ai.usage.output_tokens": "5"}, (12, 5, "usage")),
        ({"gen_ai.usage.input_tokens": 12.0, "gen_ai.usage.output_tokens": 5.0}, (12, 5, "usage")),
        ({"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0}, (0, 0, "unknown")),
        ({}, (None, None, "unknown")),
        ({"gen_ai.usage.input_tokens": -5, "gen_ai.usage.output_tokens": 2}, (None, 2, "partial")),
        ({"gen_ai.usage.input_tokens": 9_200_000_000_000_000_000}, (None, None, "unknown")),
        ({"gen_ai.usage.input_tokens": "many"}, (None, None, "unknown")),
        ({"gen_ai.usage.input_tokens": 10, "gen_ai.usage.cache_read.input_tokens": 40}, (50, None, "partial")),
    ],
)
def test_tokens_are_what_was_reported_and_what_cannot_be_is_unknown(land: Land, given: Any, expected: Any) -> None:
    (row,) = land(body(Call(input_tokens=None, output_tokens=None, attributes=given)))
    assert (row["input_tokens"], row["output_tokens"], row["basis"]) == expected


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        ("0.0123", "0.012300000000000"),
        (0.5, "0.500000000000000"),
        (1e-7, "0.000000100000000"),
        (0, None),
        ("x", None),
        (-1.0, None),
    ],
)
def test_a_reported_cost_is_kept_exactly_and_a_zero_is_unknown(land: Land, cost: Any, expected: str | None) -> None:
    (row,) = land(body(Call(attributes={"gen_ai.usage.cost.amount": cost})))
    assert row["reported_cost_usd"] == (None if expected is None else Decimal(expected))
    assert row["basis"] == ("reported" if expected else "usage")


def test_a_cost_of_zero_is_meant_only_where_the_application_recorded_it(land: Land) -> None:
    (row,) = land(body(Call(scope="breakeven", attributes={"gen_ai.usage.cost.amount": "0"})))
    assert (row["reported_cost_usd"], row["basis"]) == (Decimal(0), "reported")


@pytest.mark.parametrize(
    ("error", "status", "expected"),
    [
        ("openai.RateLimitError", None, ("refused", 429)),
        ("429", None, ("refused", 429)),
        ("rate_limit_error", 429, ("refused", 429)),
        ("AuthenticationError", None, ("refused", 401)),
        ("openai.BadRequestError", None, ("refused", 400)),
        ("NotFoundError", None, ("refused", 404)),
        ("APITimeoutError", None, ("lost", 0)),
        ("openai.InternalServerError", 500, ("lost", 500)),
    ],
)
def test_only_a_call_that_was_turned_away_before_work_is_free(
    land: Land, error: str, status: Any, expected: Any
) -> None:
    attributes = {"error.type": error, "http.response.status_code": status}
    (row,) = land(body(Call(input_tokens=None, output_tokens=None, failed=True, attributes=attributes)))
    assert (row["basis"], row["http_status"], row["failed"]) == (*expected, True)


def test_a_call_that_failed_with_usage_still_costs(land: Land) -> None:
    (row,) = land(body(Call(failed=True, attributes={"error.type": "429"})))
    assert row["basis"] == "usage"


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"breakeven.feature": "a", "feature": "b"}, ("a", "declared")),
        ({"feature": "b"}, ("b", "declared")),
        ({"traceloop.association.properties.feature": "c"}, ("c", "declared")),
        ({"metadata": '{"feature": "d"}'}, ("d", "declared")),
        ({"langfuse.trace.metadata.feature": '"e"'}, ("e", "declared")),
        ({"metadata.requester_metadata": "{'feature': 'f'}"}, ("f", "declared")),
        ({"gen_ai.workflow.name": "w"}, ("w", "inferred")),
        ({"gen_ai.agent.name": "g"}, ("g", "inferred")),
        ({}, ("", "")),
    ],
)
def test_the_feature_is_the_first_name_found_and_never_the_service(land: Land, attributes: Any, expected: Any) -> None:
    (row,) = land(body(Call(feature=None, attributes=attributes), service="checkout"))
    assert (row["feature"], row["feature_source"]) == expected


def test_a_feature_on_the_resource_is_the_default_of_the_process(land: Land) -> None:
    rows = land(body(Call(feature=None), Call(at=after(1), feature="own"), resource={"breakeven.feature": "batch"}))
    assert [row["feature"] for row in rows] == ["batch", "own"]


@pytest.mark.parametrize(
    "not_a_call",
    [
        Call(operation="invoke_agent"),
        Call(operation="execute_tool"),
        Call(operation="invoke_workflow"),
        Call(attributes={"breakeven.wrapper": True}),
        Call(attributes={"traceloop.span.kind": "workflow"}),
        Call(attributes={"openinference.span.kind": "CHAIN"}),
        Call(operation="", provider="", model="", input_tokens=None, output_tokens=None, scope="http"),
    ],
)
def test_spans_that_are_no_calls_are_not_counted(land: Land, not_a_call: Call) -> None:
    assert land(body(not_a_call)) == []


def test_a_start_before_2020_or_more_than_a_day_ahead_becomes_the_time_of_receipt(land: Land) -> None:
    rows = land(body(*[Call(at=at) for at in (NOON.replace(year=1999), NOON.replace(year=2099), NOON)]))
    assert [row["mended"] for row in rows] == [[], ["start_time"], ["start_time"]]
    assert {row["ts"].year for row in rows} == {2026}


def test_subsets_never_exceed_their_total(land: Land) -> None:
    attributes = {
        "gen_ai.usage.reasoning.output_tokens": 500,
        "gen_ai.usage.audio.input_tokens": 5000,
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 70,
    }
    (row,) = land(body(Call(attributes=attributes)))
    assert (row["reasoning_tokens"], row["audio_input_tokens"], row["cache_write_1h_tokens"]) == (100, 1000, 0)
    assert row["mended"] == ["subsets"]


@pytest.mark.parametrize(
    "name",
    sorted(p.name for p in (Path(__file__).parents[1] / "fixtures/otlp").glob("*.pb") if "metrics" not in p.name),
)
def test_a_real_request_and_its_json_twin_give_identical_rows(
    pipeline: Pipeline, project: str, fixtures: Path, name: str
) -> None:
    path = fixtures / "otlp" / name
    twin = path.with_suffix(".json")
    if not twin.exists():
        pytest.skip("this request was captured in several parts and has no twin of its own")
    for file, encoding in ((path, otlp.Encoding.PROTOBUF), (twin, otlp.Encoding.JSON)):
        traces = otlp.read_traces(file.read_bytes(), encoding)
        assert traces.rejected == 0
        pipeline.journal.append(traces.body, project + file.suffix).result(10)
    pipeline.drain()
    pb, twin_rows = (_rows_of(pipeline.store, project + suffix) for suffix in (".pb", ".json"))
    assert pb or "part2" in name
    assert pb == twin_rows


def _rows_of(store: Store, project: str) -> list[dict[str, Any]]:
    return store.rows(
        "SELECT * EXCEPT (project, received_ns, trace_id, span_id, parent_span_id), hex(trace_id) AS t, hex(span_id) AS s, "
        "hex(parent_span_id) AS p FROM calls FINAL WHERE project = {p:String} ORDER BY t, s",
        {"p": project},
    )


def test_the_view_reads_every_name_that_the_contract_promises() -> None:
    view = "".join(m.sql for m in migrations() if m.name.startswith("views/01_otlp_"))
    promised = {name: value for name, value in vars(attributes).items() if name.isupper() and isinstance(value, str)}
    not_read_yet = {"TASK_SEPARATOR", "SHADOW_OF", "CAPTURE"}
    missing = {name for name, value in promised.items() if f"'{value}" not in view} - not_read_yet
    assert missing == set()


def test_a_real_request_holds_what_its_provider_served(pipeline: Pipeline, fixtures: Path) -> None:
    """Token sums against the fake provider's own record, for the two dialects that report everything."""
    for name in ("anthropic-native-baggage", "genai-anthropic"):
        traces = otlp.read_traces((fixtures / "otlp" / f"{name}.pb").read_bytes(), otlp.Encoding.PROTOBUF)
        pipeline.journal.append(traces.body, name).result(10)
    pipeline.drain()
    truth = [
        call for call in json.loads((fixtures / "otlp/genai-anthropic.truth.json").read_text()) if call.get("usage")
    ]
    (row,) = pipeline.store.rows(
        "SELECT sum(input_tokens) AS i, sum(cache_read_tokens) AS r, sum(output_tokens) AS o, sum(calls) AS n FROM spend "
        "WHERE grain = 'day' AND project = 'genai-anthropic' AND counted = 'yes' AND basis = 'usage'"
    )
    usage = [call["usage"] for call in truth]
    assert row == {
        "i": sum(u["input_tokens"] + u["cache_read_input_tokens"] + u["cache_creation_input_tokens"] for u in usage),
        "r": sum(u["cache_read_input_tokens"] for u in usage),
        "o": sum(u["output_tokens"] for u in usage),
        "n": len(usage),
    }
