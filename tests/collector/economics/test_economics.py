"""The model against figures that were worked out by hand, and what must hold for any case."""

import json
import random
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from breakeven_collector.cli import app
from breakeven_collector.economics import breakeven, cash_flow, forecast, hosting, throughput
from breakeven_collector.economics.answer import answer
from breakeven_collector.economics.case import Case, Hosting, Hybrid, Market, Project
from breakeven_collector.economics.hybrid import hybrid_usd_per_month, share_for, unit_cost
from breakeven_collector.economics.portfolio import Member, pool
from breakeven_collector.economics.scenario import Totals, parse
from breakeven_collector.errors import ConfigError
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.collector.economics.cases import WORKHORSE, example


def test_a_case_known_by_its_totals_pays_back_as_the_article_says() -> None:
    found = answer(Totals(140_000, 12_000, 300_000, 4, 1.65625))
    assert (found["payback_months"], found["payback_from_start_months"]) == (2.34375, 8.0)


def test_a_share_routed_costs_what_is_left_and_escalations_twice() -> None:
    assert unit_cost(0.7, 0.1) == pytest.approx(0.37)
    assert unit_cost(0.7, 0.1, 0.05) == pytest.approx(0.405)
    assert round(share_for(0.33, 0.1) or 0, 4) == 0.7444


def test_published_routing_figures_come_out() -> None:
    assert 2.5 / 0.004 == 625
    mixed = unit_cost(1.0, 2.5 / 2950 / 0.004, 0.042)
    assert (round(mixed * 0.004, 7), round(1 - mixed, 3)) == (0.0010155, 0.746)


def test_the_worked_example_comes_out_to_the_printed_digit() -> None:
    found = answer(example())
    assert {
        "A": found["api_usd_per_month"],
        "mean": round(found["mean_busy_replicas"], 4),
        "peak": round(found["peak_busy_replicas"], 4),
        "N": found["replicas"],
        "S": round(found["hosting_usd_per_month"], 2),
        "K": round(found["hybrid_usd_per_month"], 2),
        "use": round(found["mean_utilisation"], 3),
        "payback": round(found["payback_months"], 2),
        "start": round(found["payback_from_start_months"], 2),
        "spend": round(found["breakeven_spend_usd_per_month"]),
        "npv": [round(row["npv_usd"]) for row in found["npv_by_price_decline"][:3]],
        "paid": [row["payback_from_start_months"] for row in found["npv_by_price_decline"][1:3]],
    } == {
        "A": 30_420,
        "mean": 0.2774,
        "peak": 1.0402,
        "N": 3,
        "S": 13_563.83,
        "K": 17_974.73,
        "use": 0.092,
        "payback": 4.82,
        "start": 8.45,
        "spend": 16_817,
        "npv": [167_038, 17_812, -74_292],
        "paid": [pytest.approx(12.0, abs=0.05), None],
    }


def test_thresholds_over_staff_shares_are_those_of_the_model() -> None:
    rows = answer(example())["breakeven_by_fte"]
    at_least = [round(row["breakeven_at_min_replicas_usd_per_month"] / 1000, 1) for row in rows]
    half_price = [round(row["npv_at_half_price_usd_per_month"] / 1000) for row in rows]
    assert (at_least, half_price) == ([16.8, 22.9, 35.1], [39, 57, 94])


def test_on_a_workhorse_the_answer_is_never_until_the_load_is_pooled_and_batched() -> None:
    cheap = replace(example(), prices_per_mtok=WORKHORSE)
    found = answer(cheap)
    whole = replace(cheap, hybrid=Hybrid(1, 0)).case
    batch = replace(cheap, peak_to_mean=1, burst=1, hosting=replace(cheap.hosting, utilisation_at_peak=0.85))
    pooled = replace(batch, hybrid=Hybrid(1, 0)).case
    assert round(found["api_usd_per_month"]) == 1_521
    assert found["breakeven_spend_usd_per_month"] is None
    assert found["reason"].startswith("a month with")
    assert found["reasons"]["breakeven_spend_usd_per_month"].startswith("never")
    assert round(breakeven.existence(whole).needed_usd_per_month) == 4_158
    assert round(breakeven.existence(pooled).needed_usd_per_month) == 913
    assert breakeven.find(batch.case).spend_usd_per_month is not None


@pytest.mark.parametrize(
    ("count", "gpu", "fte", "salary", "one_off", "months", "retrain", "share", "escalation", "spend"),
    [
        (2, 1.8, 0.1, 200_000, 20_000, 24, 500, 1, 0, 6_322),
        (2, 3.0, 0.25, 250_000, 60_000, 18, 500, 0.9, 0.05, 16_817),
        (3, 3.0, 0.5, 250_000, 150_000, 12, 1_000, 0.7, 0.05, 47_778),
    ],
)
def test_the_bands_are_the_low_the_base_and_the_high_case(
    count: int,
    gpu: float,
    fte: float,
    salary: float,
    one_off: float,
    months: float,
    retrain: float,
    share: float,
    escalation: float,
    spend: int,
) -> None:
    case = replace(
        example().case,
        hosting=Hosting(gpu, fte=fte, fte_usd_per_year=salary, retrain_usd=retrain, retrain_every_months=1),
        hybrid=Hybrid(share, escalation),
        project=Project(one_off, amortise_months=months),
    )
    assert round(breakeven.one_stair_spend(case, count) or 0) == spend


def test_the_tornado_of_the_worked_example() -> None:
    found = answer(example())["tornado"]
    bars = {
        bar["input"]: (round(bar["low_usd_per_month"], -2), round(bar["high_usd_per_month"], -2))
        for bar in found["bars"]
    }
    assert round(found["base_usd_per_month"]) == 9_112
    assert bars == {
        "API price": (-15_600, 22_100),
        "volume": (-1_400, 32_600),
        "staff": (-6_500, 12_200),
        "errors": (-7_100, 9_100),
        "GPU price": (-700, 12_100),
        "one-off cost": (1_300, 11_300),
        "share covered": (3_000, 12_000),
        "escalation": (5_000, 10_500),
        "throughput": (6_600, 11_600),
        "peak to mean": (6_600, 11_600),
    }
    assert answer(example())["npv_probability_positive"] == pytest.approx(0.22, abs=0.03)


def test_the_command_says_what_the_functions_say(tmp_path: Path) -> None:
    text = json.dumps(asdict(example()))
    (tmp_path / "case.json").write_text(text)
    by_file = CliRunner().invoke(app, ["decide", "--scenario", str(tmp_path / "case.json"), "--format", "json"])
    by_pipe = CliRunner().invoke(app, ["decide", "--scenario", "-", "--format", "json"], input=text)
    assert json.loads(by_file.stdout) == json.loads(by_pipe.stdout) == json.loads(json.dumps(answer(example())))
    shown = CliRunner().invoke(app, ["decide", "--scenario", str(tmp_path / "case.json")]).stdout
    assert "Break-even from $16,817 a month" in shown


def test_what_if_says_what_is_routed_and_what_it_comes_to() -> None:
    def said(*asked: str) -> list[str]:
        return CliRunner().invoke(app, ["whatif", *asked, "--usd", "24000"]).stdout.splitlines()

    assert said("--share", "0.7", "--unit-cost", "0.1", "--escalation", "0.05") == [
        "70% of the cost to a model at 0.1 times the price, 5% of it asked again: 40.5% of today's bill.",
        "$9,720 a month instead of $24,000: $14,280 less.",
    ]
    assert said("--share", "0.7", "--of-calls", "--relative-cost", "0.5", "--unit-cost", "1.2") == [
        "54% of the cost to a model at 1.2 times the price: 110.8% of today's bill.",
        "(70% of the calls are 54% of the cost, if such a call costs 0.5 times another.)",
        "$26,585 a month instead of $24,000: $2,585 more.",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hosting": {"fte": -1}}, "s.json: hosting.fte is -1; write a number, 0 or more"),
        ({"hosting": {"gpu": 1}}, "s.json: hosting: unknown key 'gpu'"),
        ({"hybrid": {"cost_share": 1.2}}, "s.json: hybrid.cost_share is 1.2; write a share from 0 to 1"),
        ({"calls_per_month": "9"}, "s.json: calls_per_month is '9'; write a number"),
        ({"calls_per_month": True}, "s.json: calls_per_month is True; write a number"),
        ({"tokens_per_call": {"output": 1}}, "s.json: tokens_per_call: input_uncached is missing"),
        ({"surprise": 1}, "s.json: unknown key 'surprise'"),
        ({"market": 3}, "s.json: market must be a table"),
    ],
)
def test_what_does_not_fit_is_named_with_its_path(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(json.dumps({**asdict(example()), **change}), "s.json")
    assert message in str(raised.value)


cases = st.builds(
    Case,
    api_usd_per_month=st.floats(10, 1e6),
    calls_per_month=st.floats(100, 1e7),
    mean_busy=st.floats(1e-3, 50),
    peak_to_mean=st.floats(1, 6),
    burst=st.floats(1, 2),
    hosting=st.builds(
        Hosting,
        gpu_usd_per_hour=st.floats(0.1, 10),
        min_replicas=st.integers(0, 4),
        spare_replicas=st.integers(0, 2),
        fte=st.floats(0, 2),
    ),
    hybrid=st.builds(Hybrid, cost_share=st.floats(0.05, 1), escalation_share=st.floats(0, 0.5)),
    project=st.builds(Project, one_off_usd=st.floats(0, 3e5), build_months=st.floats(0, 6)),
    market=st.builds(Market, growth_per_month=st.floats(0, 0.1), api_price_decline_per_year=st.floats(0, 0.9)),
)


@settings(max_examples=60, deadline=None)
@given(cases, st.floats(1, 20))
def test_more_volume_never_lowers_the_cost_of_hosting(case: Case, factor: float) -> None:
    assert hosting.hosting_usd_per_month(case.scaled(factor)) >= hosting.hosting_usd_per_month(case) - 1e-6


@settings(max_examples=150, deadline=None)
@given(cases)
def test_the_sign_changes_at_the_breakeven_and_at_every_recrossing(case: Case) -> None:
    found = breakeven.find(case)
    if found.spend_usd_per_month is None:
        factors = [1.3**power for power in range(-30, 40)]
        assert all(breakeven.net_usd_per_month(case.scaled(factor)) < 1e-3 for factor in factors)
        return
    bill = case.api_usd_per_month
    for one in found.pays:
        at = one.from_usd / case.api_usd_per_month
        if one.from_usd > 1:
            assert breakeven.net_usd_per_month(case.scaled(at * (1 - 1e-6))) < 1e-6 * max(1.0, one.from_usd)
        # A range may be narrower than a millionth: what counts lies just inside it.
        inside = at * (1 + 1e-6) if one.until_usd is None else min(at * (1 + 1e-6), (at + one.until_usd / bill) / 2)
        assert breakeven.net_usd_per_month(case.scaled(inside)) > -1e-6 * max(1.0, one.from_usd)
        if one.until_usd is not None:
            beyond = one.until_usd / case.api_usd_per_month * (1 + 1e-6)
            assert breakeven.net_usd_per_month(case.scaled(beyond)) < 1e-5 * max(1.0, one.until_usd)


@settings(max_examples=60, deadline=None)
@given(cases)
def test_a_share_of_nothing_costs_todays_bill(case: Case) -> None:
    none = replace(case, hybrid=replace(case.hybrid, cost_share=0.0, router_usd_per_call=0.1))
    assert hybrid_usd_per_month(none) == pytest.approx(case.api_usd_per_month)


@settings(max_examples=40, deadline=None)
@given(cases, st.floats(0.01, 0.5))
def test_the_value_falls_with_the_price_decline_and_with_the_one_off_cost(case: Case, more: float) -> None:
    market = replace(case.market, api_price_decline_per_year=min(1.0, case.market.api_price_decline_per_year + more))
    dearer = replace(case.project, one_off_usd=case.project.one_off_usd * (1 + more))
    assert cash_flow.npv_usd(replace(case, market=market)) <= cash_flow.npv_usd(case) + 1e-6
    assert cash_flow.npv_usd(replace(case, project=dearer)) <= cash_flow.npv_usd(case) + 1e-6


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.floats(0, 3), min_size=24, max_size=24), min_size=1, max_size=4))
def test_a_pool_never_needs_more_replicas_than_its_features_apart(loads: list[list[float]]) -> None:
    members: list[Member] = []
    for number, busy in enumerate(loads):
        mean = sum(busy) / len(busy)
        peak = max(busy)
        case = replace(example().case, mean_busy=mean, hourly_busy=tuple(busy), hybrid=Hybrid(1, 0))
        members.append(Member(str(number), replace(case, peak_to_mean=peak / mean if mean else 1.0)))
    found = pool(members)
    assert found.replicas <= found.replicas_apart


def test_a_steady_rise_crosses_when_it_must_and_short_data_gives_no_date() -> None:
    rising = [12_000 / 30 * 1.006**day for day in range(28)]
    found = forecast.crossing(rising, 20_000 * 1.006**27)
    assert found.p50_days == pytest.approx(85.1, abs=0.6)
    assert forecast.crossing(rising[:27], 20_000).reason == "27 days of spend; a date needs 28"


def test_the_outlook_passes_a_threshold_when_it_is_crossed() -> None:
    draw = random.Random(5)
    spent = [400 * 1.03**day * (0.4 if day % 7 > 4 else 1) * draw.uniform(0.9, 1.1) for day in range(28)]
    fit = forecast.fit(spent)
    assert isinstance(fit, forecast.Fit)
    threshold = 30_000.0
    found = forecast.crossing(spent, threshold / forecast.behind(fit))
    ahead = forecast.outlook(fit, range(200))
    first = {
        name: next(one.days for one in ahead if getattr(one, name) >= threshold)
        for name in ("p90_usd", "p50_usd", "p10_usd")
    }
    crossed = [days for days in (found.p10_days, found.p50_days, found.p90_days) if days is not None]
    assert list(first.values()) == [pytest.approx(days + 0.5, abs=1.5) for days in crossed]
    assert all(one.p10_usd < one.p50_usd < one.p90_usd for one in ahead)


def test_two_runs_of_vllm_give_both_rates() -> None:
    def run(taken: int, made: int) -> str:
        seconds = taken / 30_000 + made / 5_000
        return json.dumps({"duration": seconds, "total_input_tokens": taken, "total_output_tokens": made})

    runs = [throughput.read(run(800_000, 100_000), "a"), throughput.read(run(100_000, 800_000), "b")]
    found = throughput.rates(runs)
    assert (found.prefill_tokens_per_s, found.decode_tokens_per_s) == pytest.approx((30_000, 5_000))
