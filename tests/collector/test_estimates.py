"""Usage that nobody reported: unknown in the bill, estimated beside it, and corrected by what other calls teach."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from breakeven_collector import otlp
from breakeven_collector.estimates import Estimates
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.report import build_report

from tests.spans import Call, body

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
IN_USD, OUT_USD = Decimal("2.5e-6"), Decimal("10e-6")
"""gpt-4o, a token."""


def land(pipeline: Pipeline, project: str, *calls: Call) -> dict[str, Any]:
    """Send, learn, and give the report."""
    pipeline.journal.append(otlp.read_traces(body(*calls), otlp.Encoding.PROTOBUF).body, project).result(10)
    pipeline.drain()
    Estimates(pipeline.store).learn()
    return build_report(pipeline.store, days=2, project=project)


def at(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def estimate(input_tokens: int, output_tokens: int, **more: Any) -> dict[str, Any]:
    return {
        "breakeven.estimated.input_tokens": input_tokens,
        "breakeven.estimated.output_tokens": output_tokens,
        **more,
    }


def unreported(feature: str, minutes: float = 0, **attributes: Any) -> Call:
    return Call(at=at(minutes), feature=feature, input_tokens=None, output_tokens=None, attributes=attributes)


def test_an_estimate_stands_beside_the_known_dollars_and_never_in_them(pipeline: Pipeline, project: str) -> None:
    report = land(pipeline, project, Call(at=at(1)), unreported("search", **estimate(800, 50)))
    expected = 800 * IN_USD + 50 * OUT_USD
    (row,) = report["features"]
    assert (Decimal(row["cost_usd"]), Decimal(row["estimated_usd"])) == (Decimal("0.0035"), expected)
    assert (row["calls"], row["unpriced_calls"]) == (2, 1)
    assert (report["totals"]["estimated_calls"], report["coverage"]["priced"]) == (1, 0.5)
    assert report["coverage"]["estimated_usd"] == pytest.approx(float(expected / (expected + Decimal("0.0035"))))


def test_what_calls_with_both_teach_corrects_the_others_of_their_feature(pipeline: Pipeline, project: str) -> None:
    taught = [
        Call(at=at(n), feature="a", input_tokens=1500, output_tokens=300, attributes=estimate(1000, 100))
        for n in range(1, 9)
    ]
    other = [
        Call(at=at(n), feature="b", input_tokens=900, output_tokens=90, attributes=estimate(1000, 100))
        for n in range(1, 12)
    ]
    report = land(
        pipeline, project, *taught, *other, unreported("a", **estimate(2000, 10)), unreported("c", **estimate(2000, 10))
    )
    rows = {row["feature"]: row["estimated_usd"] for row in report["features"]}
    # Of its own feature: 1.5 and 3 reported tokens for each estimated one; for a new feature, the median of the model.
    assert Decimal(rows["a"]) == 3000 * IN_USD + 30 * OUT_USD
    assert Decimal(rows["c"]) == 1800 * IN_USD + 9 * OUT_USD
    assert rows["b"] is None


@pytest.mark.parametrize(
    ("provider", "model", "factor"),
    [
        ("openai", "gpt-4o", "1"),
        ("anthropic", "claude-sonnet-4-5-20250929", "1.25"),
        ("anthropic", "claude-3-5-haiku-20241022", "1.25"),
        ("anthropic", "claude-opus-5-5", "1.5"),
        ("mistral", "mistral-large-latest", "1.1"),
    ],
)
def test_untaught_a_model_has_the_factor_of_its_family(
    pipeline: Pipeline, project: str, provider: str, model: str, factor: str
) -> None:
    call = unreported("new", **estimate(1000, 0))
    call.provider, call.model = provider, model
    land(pipeline, project, call)
    (row,) = pipeline.store.rows(
        "SELECT input_ratio AS r, learned_from AS f, samples AS n FROM token_ratios FINAL WHERE project = {p:String}",
        {"p": project},
    )
    assert row == {"r": Decimal(factor), "f": "family", "n": 0}


def test_a_call_without_any_estimate_costs_what_a_call_of_its_kind_usually_does(
    pipeline: Pipeline, project: str
) -> None:
    usual = [Call(at=at(n), feature="a", input_tokens=1000 + 100 * n, output_tokens=100) for n in range(5)]
    report = land(pipeline, project, *usual, unreported("a"))
    assert Decimal(report["totals"]["estimated_usd"]) == 1200 * IN_USD + 100 * OUT_USD
    assert report["unpriced"][0]["reason"] == "no usage reported"
    few = land(pipeline, f"{project}-few", *usual[:4], unreported("a"))
    assert few["totals"]["estimated_usd"] is None, "four calls are too few to say what is usual"


@pytest.mark.parametrize(
    ("error", "status", "reason", "is_estimated"),
    [
        ("openai.APITimeoutError", None, "lost after it was sent", True),
        ("ConnectionResetError", None, "lost after it was sent", True),
        ("asyncio.CancelledError", None, "lost after it was sent", True),
        ("openai.RateLimitError", 429, None, False),
        ("openai.BadRequestError", 400, None, False),
    ],
)
def test_a_call_lost_after_it_was_sent_is_estimated_and_a_refused_one_is_free(
    pipeline: Pipeline, project: str, error: str, status: int | None, reason: str | None, is_estimated: bool
) -> None:
    lost = unreported("a", 0, **estimate(1000, 0, **{"error.type": error, "http.response.status_code": status}))
    lost.failed = True
    report = land(pipeline, project, lost)
    assert [entry["reason"] for entry in report["unpriced"]] == ([reason] if reason else [])
    assert report["totals"]["cost_usd"] == (None if is_estimated else "0")
    assert report["totals"]["estimated_usd"] == ("0.0025" if is_estimated else None)


def test_media_in_the_messages_and_failures_teach_nothing(pipeline: Pipeline, project: str) -> None:
    wrong = [
        Call(
            at=at(n),
            input_tokens=90_000,
            attributes=estimate(1000, 100, **{"breakeven.estimated.incomplete": True}),
        )
        for n in range(6)
    ]
    failed = [
        Call(at=at(n), input_tokens=1, failed=True, attributes=estimate(1000, 100, **{"error.type": "X"}))
        for n in range(6, 12)
    ]
    land(pipeline, project, *wrong, *failed)
    assert pipeline.store.rows(
        "SELECT learned_from AS f FROM token_ratios FINAL WHERE project = {p:String}", {"p": project}
    ) == [{"f": "family"}]


def test_only_the_half_that_is_missing_is_estimated(pipeline: Pipeline, project: str) -> None:
    half = Call(at=at(1), output_tokens=None, attributes=estimate(5000, 60))
    report = land(pipeline, project, half)
    assert (report["totals"]["cost_usd"], report["totals"]["estimated_usd"]) == ("0.0025", "0.0006")


def test_a_guess_of_openlit_is_an_estimate_and_no_report(pipeline: Pipeline, project: str) -> None:
    guess = Call(
        at=at(1),
        scope="openlit.instrumentation.openai",
        input_tokens=400,
        output_tokens=30,
        attributes={"gen_ai.request.stream": True},
    )
    report = land(pipeline, project, guess)
    assert (report["totals"]["cost_usd"], report["totals"]["estimated_usd"]) == (None, "0.0013")


def test_a_gateways_cache_hit_costs_nothing_and_tells_what_it_avoided(pipeline: Pipeline, project: str) -> None:
    hit = Call(at=at(1), attributes={"breakeven.gateway.cache_hit": True, "gen_ai.usage.cost": 0})
    report = land(pipeline, project, hit, Call(at=at(2)))
    assert report["totals"]["cost_usd"] == "0.0035"
    assert report["gateway_cache"] == {"calls": 1, "avoided_usd": "0.0035"}
    assert report["totals"]["unpriced_calls"] == 0


def test_retries_are_counted_with_their_dollars(pipeline: Pipeline, project: str) -> None:
    report = land(
        pipeline,
        project,
        Call(at=at(3)),
        Call(at=at(2), attributes={"breakeven.retry": True}),
        Call(at=at(1), attributes={"http.request.resend_count": 2}),
    )
    assert report["retries"] == {"calls": 2, "cost_usd": "0.007", "resends": 2}
    assert report["totals"]["calls"] == 3
