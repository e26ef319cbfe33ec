"""The scenario command's figures against the second implementation in reference.py."""

import json
import math
from typing import Any

import pytest
from breakeven_collector.cli import app
from breakeven_collector.economics.answer import answer, figures
from breakeven_collector.economics.scenario import Scenario, Totals, parse
from breakeven_collector.errors import ConfigError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.collector.economics import reference
from tests.collector.economics.reference import Case

T4 = Case(9e6, 600, 900, 200, 2, 0.2, 10, fte=0.25)
"""The worked example."""


def _document(c: Case) -> dict[str, Any]:
    return {
        "calls_per_month": c.calls,
        "tokens_per_call": {"input_uncached": c.uncached, "input_cached": c.cached, "output": c.output},
        "prices_per_mtok": {"input": c.p_input, "cached": c.p_cached, "output": c.p_output},
        "peak_to_mean": c.peak_to_mean,
        "burst": c.burst,
        "hosting": {
            "gpu_usd_per_hour": c.gpu_usd,
            "gpus_per_replica": c.gpus,
            "prefill_tokens_per_s": c.prefill,
            "decode_tokens_per_s": c.decode,
            "utilisation_at_peak": c.utilisation,
            "min_replicas": c.min_replicas,
            "spare_replicas": c.spare,
            "prefix_cache_hit": c.prefix_hit,
            "fte": c.fte,
            "fte_usd_per_year": c.fte_usd,
            "overhead_share": c.overhead,
            "overhead_fixed_usd": c.overhead_fixed,
            "retrain_usd": c.retrain,
            "retrain_every_months": c.retrain_months,
        },
        "hybrid": {
            "cost_share": c.alpha,
            "escalation_share": c.escalation,
            "router_usd_per_call": c.router,
            "extra_error_rate": c.extra_errors,
            "usd_per_error": c.error_usd,
        },
        "project": {
            "one_off_usd": c.one_off,
            "build_months": c.build,
            "shadow_months": c.shadow,
            "judge_usd": c.judge,
            "amortise_months": c.amortise,
        },
        "market": {
            "horizon_months": c.horizon,
            "growth_per_month": c.growth,
            "api_price_decline_per_year": c.decline,
            "discount_rate": c.discount,
        },
    }


def _expected(c: Case) -> dict[str, float | None]:
    mean, count = c.alpha * reference.busy(c), reference.replicas(c)
    simple, from_start = reference.payback(c)
    return {
        "api_usd_per_month": reference.api(c),
        "mean_busy_replicas": mean,
        "peak_busy_replicas": mean * c.peak_to_mean * c.burst,
        "replicas": count,
        "hosting_usd_per_month": reference.run_cost(c),
        "hybrid_usd_per_month": reference.hybrid(c),
        "mean_utilisation": mean / count if count else None,
        "payback_months": simple,
        "payback_from_start_months": from_start,
        "npv_usd": reference.npv(c),
        "breakeven_spend_usd_per_month": reference.breakeven(c),
    }


def _numbers(low: float, high: float, *special: float) -> st.SearchStrategy[float]:
    return st.one_of(st.sampled_from(special), st.floats(low, high)) if special else st.floats(low, high)


drawn = st.builds(
    Case,
    calls=_numbers(1, 3e7),
    uncached=_numbers(1, 5_000, 0),
    cached=_numbers(1, 5_000, 0),
    output=_numbers(1, 2_000),
    p_input=_numbers(0.01, 10),
    p_cached=_numbers(0.01, 2, 0),
    p_output=_numbers(0.05, 40),
    peak_to_mean=_numbers(1, 8, 1),
    burst=_numbers(1, 2, 1),
    gpu_usd=_numbers(0.1, 8),
    gpus=st.sampled_from([1, 2, 4, 8]),
    prefill=_numbers(1_000, 1e5),
    decode=_numbers(500, 1e5),
    utilisation=_numbers(0.2, 1, 1),
    min_replicas=st.integers(0, 4),
    spare=st.integers(0, 2),
    prefix_hit=_numbers(0, 1, 0, 1),
    fte=_numbers(0, 2, 0),
    overhead=_numbers(0, 1, 0),
    overhead_fixed=_numbers(0, 1_000, 0),
    retrain=_numbers(0, 5_000, 0),
    retrain_months=_numbers(1, 12),
    alpha=_numbers(0.01, 1, 0, 1),
    escalation=_numbers(0, 1, 0),
    router=_numbers(0, 1e-4, 0),
    extra_errors=_numbers(0, 0.1, 0),
    error_usd=_numbers(0, 0.1, 0),
    one_off=_numbers(0, 3e5, 0),
    build=_numbers(0, 40, 0, 1, 1.5, 24, 30),
    shadow=_numbers(0, 10, 0, 0.25),
    judge=_numbers(0, 2_000, 0),
    amortise=_numbers(1, 36),
    horizon=_numbers(0.1, 48, 12, 24, 2.5),
    growth=_numbers(0, 0.2, 0),
    decline=_numbers(0, 1, 0, 1),
    discount=_numbers(0, 0.5, 0),
)


def _same(found: dict[str, Any], expected: dict[str, float | None], scale: float) -> None:
    for key, value in expected.items():
        got = found[key]
        if value is None or got is None:
            assert got is value, (key, got, value)
        else:
            # A sum of large terms that cancel is as exact as its terms are.
            assert math.isclose(got, value, rel_tol=1e-9, abs_tol=1e-9 * scale if key == "npv_usd" else 1e-12), key


@settings(max_examples=150, deadline=None)
@given(drawn)
@example(T4)
@example(Case(0, 600, 900, 200, 2, 0.2, 10))
@example(Case(9e6, 0, 0, 0, 2, 0.2, 10))
@example(Case(9e6, 600, 900, 200, 2, 0.2, 10, alpha=0, router=0.1))
@example(Case(9e6, 600, 900, 200, 2, 0.2, 10, min_replicas=0, spare=0))
@example(Case(9e6, 600, 900, 200, 2, 0.2, 10, min_replicas=0, spare=1, prefix_hit=1))
@example(Case(9e6, 600, 900, 200, 2, 0.2, 10, build=0, shadow=0, horizon=0.5))
@example(Case(9e6, 600, 900, 200, 2, 0.2, 10, build=30, shadow=1))
def test_every_figure_is_that_of_the_second_implementation(c: Case) -> None:
    scenario = parse(json.dumps(_document(c)), "drawn.json")
    assert isinstance(scenario, Scenario)
    found = figures(scenario.case)
    terms = c.one_off + c.horizon * (1 + c.growth) ** c.horizon * (
        reference.api(c) + reference.hybrid(c) + reference.run_cost(c) + c.judge
    )
    _same(found, _expected(c), terms)
    assert (found["breakeven_spend_usd_per_month"] is None) == ("breakeven_spend_usd_per_month" in found["reasons"])


@settings(max_examples=60, deadline=None)
@given(
    _numbers(0, 1e6, 0),
    _numbers(0, 1e6, 0),
    _numbers(0, 1e6, 0),
    _numbers(0, 30, 0, 1.5),
    _numbers(0, 12, 0, 0.5),
)
def test_totals_pay_back_as_their_quotient_says(
    current: float, future: float, one_off: float, build: float, shadow: float
) -> None:
    found = answer(Totals(current, future, one_off, build, shadow))
    saving = current - future
    npv = -one_off if build == 0 else 0.0
    for t in range(1, 25):
        building = max(0.0, min(t, build) - (t - 1))
        live = max(0.0, t - max(t - 1, build + shadow))
        npv += (live * saving - (building * one_off / build if building else 0)) / 1.1 ** (t / 12)
    _same(
        found,
        {
            "api_usd_per_month": current,
            "hybrid_usd_per_month": future,
            "payback_months": one_off / saving if saving > 0 else None,
            "payback_from_start_months": build + shadow + one_off / saving if saving > 0 else None,
            "npv_usd": npv,
        },
        24 * (current + future + one_off),
    )


def _command(document: dict[str, Any]) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["decide", "--scenario", "-", "--format", "json"], input=json.dumps(document))
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_worked_cases_come_out_of_the_command() -> None:
    totals = _command(
        {
            "current_usd_per_month": 140_000,
            "future_usd_per_month": 12_000,
            "one_off_usd": 300_000,
            "build_months": 4,
            "shadow_months": 1.65625,
        }
    )
    full = _command(_document(T4))
    luna = _command({**_document(T4), "prices_per_mtok": {"input": 0.1, "cached": 0.01, "output": 0.5}})
    assert (totals["payback_months"], totals["payback_from_start_months"]) == (2.34375, 8.0)
    _same(full, _expected(T4), 1)
    assert (luna["api_usd_per_month"], luna["breakeven_spend_usd_per_month"]) == (pytest.approx(1_521), None)
    assert luna["reasons"]["breakeven_spend_usd_per_month"].startswith("never")


def test_what_is_no_text_is_told_as_any_other_mistake() -> None:
    done = CliRunner().invoke(app, ["decide", "--scenario", "-"], input=b"\xff{")
    assert (done.exit_code, "stdin: it is not UTF-8" in done.output) == (1, True), done.output


def test_the_routing_share_comes_out_of_the_command() -> None:
    # 100 calls at a dollar, and an own model at a tenth of that: one call keeps a serverless GPU busy for 0.1 USD.
    base = _document(
        Case(
            100, 0, 0, 1, 0, 0, 1e6, gpu_usd=3.6, decode=0.01, min_replicas=0, spare=0, fte=0, overhead=0,
            overhead_fixed=0, retrain=0, alpha=0.7, escalation=0,
        )
    )  # fmt: skip
    assert _command(base)["hybrid_usd_per_month"] == pytest.approx(37)
    base["hybrid"]["escalation_share"] = 0.05
    assert _command(base)["hybrid_usd_per_month"] == pytest.approx(40.5)


@pytest.mark.parametrize(
    ("hosting", "project", "hybrid", "spend"),
    [
        (
            {"gpu_usd_per_hour": 1.8, "spare_replicas": 1, "fte": 0.1, "fte_usd_per_year": 200_000},
            {"one_off_usd": 20_000, "amortise_months": 24},
            {"cost_share": 1},
            6_322,
        ),
        (
            {"fte": 0.25},
            {"one_off_usd": 60_000, "amortise_months": 18},
            {"cost_share": 0.9, "escalation_share": 0.05},
            16_817,
        ),
        (
            {"min_replicas": 3, "fte": 0.5, "retrain_usd": 1_000, "retrain_every_months": 1},
            {"one_off_usd": 150_000, "amortise_months": 12},
            {"cost_share": 0.7, "escalation_share": 0.05},
            47_778,
        ),
    ],
)
def test_the_bands_come_out_of_the_command(
    hosting: dict[str, float], project: dict[str, float], hybrid: dict[str, float], spend: int
) -> None:
    document = {
        **_document(T4),
        # Dear tokens: the load of the break-even needs no more than the least replicas.
        "prices_per_mtok": {"input": 5, "cached": 0.5, "output": 25},
        "hosting": hosting,
        "project": project,
        "hybrid": hybrid,
    }
    assert round(_command(document)["breakeven_spend_usd_per_month"]) == spend


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("calls_per_month", -1),
        ("calls_per_month", True),
        ("calls_per_month", "9"),
        ("calls_per_month", None),
        ("calls_per_month", [1]),
        ("tokens_per_call.input_cached", -0.1),
        ("prices_per_mtok.output", math.nan),
        ("prices_per_mtok.input", math.inf),
        ("prices_per_mtok.input", 10**40),
        ("peak_to_mean", 0.5),
        ("burst", 0),
        ("hosting.gpu_usd_per_hour", -3),
        ("hosting.prefill_tokens_per_s", 0),
        ("hosting.utilisation_at_peak", 0),
        ("hosting.utilisation_at_peak", 1.01),
        ("hosting.min_replicas", 1.5),
        ("hosting.prefix_cache_hit", 2),
        ("hosting.overhead_share", 1.5),
        ("hosting.retrain_every_months", 0),
        ("hybrid.cost_share", 1.5),
        ("hybrid.escalation_share", -0.1),
        ("hybrid.extra_error_rate", 1.1),
        ("project.amortise_months", 0),
        ("project.build_months", -1),
        ("market.horizon_months", 0),
        ("market.horizon_months", 10**9),
        ("market.growth_per_month", 10**9),
        ("market.api_price_decline_per_year", 1.5),
        ("market.discount_rate", -0.1),
        ("hosting.gpus", 1),
        ("market.inflation", 1),
        ("tokens_per_call.reasoning", 1),
    ],
)
def test_an_error_names_the_path_of_its_key(path: str, value: object) -> None:
    document = _document(T4)
    holder, _, key = path.rpartition(".")
    (document[holder] if holder else document)[key] = value
    with pytest.raises(ConfigError) as raised:
        parse(json.dumps(document), "s.json")
    said = str(raised.value)
    assert path in said or (f"s.json: {holder}: unknown key {key!r}" in said), said


def test_a_number_of_thousands_of_digits_is_named_too() -> None:
    text = json.dumps(_document(T4)).replace("9000000.0", "9" * 5_000)
    with pytest.raises(ConfigError) as raised:
        parse(text, "s.json")
    assert str(raised.value).startswith("s.json: calls_per_month is inf")


@pytest.mark.parametrize("key", ["current_usd_per_month", "future_usd_per_month", "one_off_usd", "build_months"])
def test_totals_are_checked_like_the_rest(key: str) -> None:
    given = {"current_usd_per_month": 1, "future_usd_per_month": 1, "one_off_usd": 1}
    for value in (-1, True, "1", math.nan):
        with pytest.raises(ConfigError, match=key):
            parse(json.dumps({**given, key: value}), "s.json")
    with pytest.raises(ConfigError, match="unknown key 'calls_per_month'"):
        parse(json.dumps({**given, "calls_per_month": 1}), "s.json")
