"""Pools, serverless and autoscaled GPUs, the end of a month."""

import math
from dataclasses import replace
from itertools import combinations

import pytest
from breakeven_collector.economics import forecast, hosting
from breakeven_collector.economics.breakeven import find, net_usd_per_month
from breakeven_collector.economics.case import Case, Hosting, Hybrid, Project
from breakeven_collector.economics.cash_flow import npv_usd
from breakeven_collector.economics.portfolio import Member, best_set, pool
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import forecast as bench
from tests.collector.economics.cases import example


def _member(usd: float, busy: list[float], share: float = 1.0) -> Case:
    mean = sum(busy) / len(busy)
    return replace(
        example().case,
        api_usd_per_month=usd,
        mean_busy=mean,
        peak_to_mean=max(busy) / mean if mean else 1.0,
        hourly_busy=tuple(busy),
        hybrid=Hybrid(share),
        hosting=Hosting(fte=0.25),
        project=Project(20_000),
    )


def _net(cases: list[Case]) -> float:
    """A − K − I/T_am of a pool, written out: hours of the shares added, one peak, one staff."""
    hours = [sum(c.hybrid.cost_share * c.hourly_busy[h] for c in cases) for h in range(24)]
    running = max(2, math.ceil(max(hours) * 1.25 / 0.7 - 1e-9) + 1) if max(hours) else 0
    run = 730 * running * 3 * 1.15 + 300 + 0.25 * 250_000 / 12 + 500
    return sum(c.hybrid.cost_share * c.api_usd_per_month for c in cases) - run - len(cases) * 20_000 / 18


loads = st.lists(st.floats(0, 2), min_size=24, max_size=24).filter(lambda busy: max(busy) > 0.01)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(100, 40_000), loads, st.floats(0.2, 1)), min_size=1, max_size=4))
def test_the_set_that_is_chosen_saves_most_of_all_sets(given_members: list[tuple[float, list[float], float]]) -> None:
    cases = {str(i): _member(*one) for i, one in enumerate(given_members)}
    values = {
        names: _net([cases[name] for name in names])
        for size in range(1, len(cases) + 1)
        for names in combinations(cases, size)
    }
    best = max(values.values())
    found = best_set(cases)
    if found is None:
        assert best <= 1e-6
        return
    assert found.net_usd_per_month == pytest.approx(best, rel=1e-9, abs=1e-6)
    assert found.net_usd_per_month == pytest.approx(values[found.names], rel=1e-9, abs=1e-6)


def test_two_features_pay_together_that_do_not_apart() -> None:
    day, night = [0.5] * 12 + [0.0] * 12, [0.0] * 12 + [0.5] * 12
    cases = {"day": _member(12_000, day), "night": _member(12_000, night)}
    assert all(net_usd_per_month(case) < 0 for case in cases.values())
    found = best_set(cases)
    assert found is not None
    assert (found.names, found.replicas, found.replicas_apart) == (("day", "night"), 2, 4)


def test_features_without_hours_are_not_pooled() -> None:
    assert best_set({"a": example().case}) is None
    assert best_set({}) is None


def test_more_than_twelve_features_are_added_one_by_one() -> None:
    found = best_set({str(i): _member(5_000 + i, [0.05] * 24) for i in range(14)})
    assert found is not None
    assert len(found.names) == 14


def test_a_pool_of_one_is_that_feature() -> None:
    case = _member(30_000, [0.2] * 12 + [0.6] * 12, 0.8)
    found = pool([Member("a", case)])
    assert found.net_usd_per_month == pytest.approx(net_usd_per_month(case))
    assert found.replicas == hosting.replicas(case)


def test_serverless_bills_the_use_and_the_cold_starts() -> None:
    case = replace(example(fte=0.0).case, serverless=True, cold_start_hours_per_month=10, hybrid=Hybrid(0.5))
    hours = 730 * 0.5 * case.mean_busy + 10
    assert hosting.gpu_usd_per_month(case) == pytest.approx(3 * hours)
    assert hosting.hosting_usd_per_month(case) == pytest.approx(3 * hours * 1.15 + 300 + 500)
    found = find(case)
    assert found.spend_usd_per_month is not None
    at = case.scaled(found.spend_usd_per_month / case.api_usd_per_month)
    assert net_usd_per_month(at) == pytest.approx(0, abs=1e-6)


def test_the_cheaper_of_reserved_and_on_demand_is_rented() -> None:
    # Eleven quiet hours and one of seven busy replicas: 11 in the peak with burst and spare, otherwise 2.
    case = replace(_member(50_000, [0.1] * 11 + [5.6]), burst=1.0)
    reserved = 730 * 9 * 3.0
    on_demand = 730 / 12 * (11 * 2 + 9) * 5.0
    assert hosting.gpu_usd_per_month(case) == pytest.approx(reserved)
    assert hosting.gpu_usd_per_month(replace(case, autoscaled_usd_per_hour=5.0)) == pytest.approx(on_demand)
    assert hosting.gpu_usd_per_month(replace(case, autoscaled_usd_per_hour=50.0)) == pytest.approx(reserved)


def test_a_month_ends_at_what_is_spent_and_what_the_days_that_are_left_cost() -> None:
    level = [100.0 * (1 + 0.01 * (-1) ** day) for day in range(28)]
    found = forecast.month_end(2_000, 10, level)
    low, middle, high = found.p10_usd, found.p50_usd, found.p90_usd
    assert low is not None
    assert middle is not None
    assert high is not None
    assert 2_950 < low < middle < high < 3_050
    assert middle == pytest.approx(3_000, rel=0.01)
    assert forecast.month_end(2_000, 0, level).p90_usd == 2_000
    assert forecast.month_end(2_000, 10, level[:20]).reason == "20 days of spend; a date needs 28"


@pytest.mark.parametrize("name", ["constant slope", "weekly shape", "autocorrelated, 0.4"])
def test_the_interval_holds_the_day_about_as_often_as_it_says(name: str) -> None:
    kind = next(one for one in bench.KINDS if one.name == name)
    inside, _, _ = bench.coverage(kind, 120, lambda _: None, draws=200)
    # 72-88 % over 500 series; of 120 a tenth more or less is chance.
    assert 0.68 <= inside / 120 <= 0.94


@pytest.mark.parametrize("name", ["14 days", "21 days", "27 days", "weekly shape, 6 days missing"])
def test_data_that_does_not_bear_a_date_gets_none(name: str) -> None:
    kind = next(one for one in bench.KINDS if one.name == name)
    made = bench.series(kind, 1)
    found = forecast.crossing(made.usd, made.threshold_usd)
    assert (found.p10_days, found.p50_days, found.p90_days, found.probability_90_days) == (None, None, None, None)
    assert found.reason is not None
    assert "a date" in found.reason


cases = st.builds(
    Case,
    api_usd_per_month=st.floats(10, 1e6),
    calls_per_month=st.floats(100, 1e7),
    mean_busy=st.floats(1e-3, 20),
    hosting=st.builds(Hosting, min_replicas=st.integers(0, 3), spare_replicas=st.integers(0, 2)),
    hybrid=st.builds(Hybrid, cost_share=st.floats(0.05, 1), escalation_share=st.floats(0, 0.5)),
    autoscaled_usd_per_hour=st.one_of(st.none(), st.floats(0.5, 10)),
    hourly_busy=st.lists(st.floats(0, 20), min_size=24, max_size=24).map(tuple),
    serverless=st.booleans(),
    committed_months=st.floats(0, 12),
)


@settings(max_examples=80, deadline=None)
@given(cases, st.floats(1, 20))
def test_more_volume_never_lowers_the_cost_however_gpus_are_rented(case: Case, factor: float) -> None:
    assert hosting.hosting_usd_per_month(case.scaled(factor)) >= hosting.hosting_usd_per_month(case) - 1e-6


@settings(max_examples=60, deadline=None)
@given(cases, st.floats(1, 3), st.floats(0, 12))
def test_the_value_never_rises_with_what_costs_more(case: Case, factor: float, months: float) -> None:
    at = npv_usd(case)
    slack = 1e-9 * (1 + abs(at)) + 1e-6
    price = None if case.autoscaled_usd_per_hour is None else case.autoscaled_usd_per_hour * factor
    own = case.hosting
    worse = [
        replace(
            case,
            autoscaled_usd_per_hour=price,
            hosting=replace(own, gpu_usd_per_hour=own.gpu_usd_per_hour * factor),
        ),
        replace(case, hosting=replace(own, fte=own.fte * factor)),
        replace(case, hosting=replace(own, overhead_share=min(1.0, own.overhead_share * factor))),
        replace(case, committed_months=case.committed_months + months),
        replace(case, project=replace(case.project, judge_usd=case.project.judge_usd * factor)),
        replace(case, hybrid=replace(case.hybrid, escalation_share=min(1.0, case.hybrid.escalation_share * factor))),
        replace(case, hybrid=replace(case.hybrid, router_usd_per_call=0.001 * factor)),
    ]
    assert all(npv_usd(one) <= at + slack for one in worse)
