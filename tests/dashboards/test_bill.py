"""The bill on dashboards is the one of `breakeven report`: features, days, models, tenants, owners, to the last digit."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache

import pytest
from breakeven_collector.period import between
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.report import Dimension, build_report
from breakeven_collector.report_document import Report

from tests.dashboards.conftest import Grafana, chosen, sql_of
from tests.dashboards.macros import Range
from tests.dashboards.traffic import FEATURES, FIRST, HARD, LAST, at

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@cache
def report(traffic: Pipeline, by: Dimension = Dimension.FEATURE) -> Report:
    """What `breakeven report` says of the same days."""
    return build_report(traffic.store, by=by, period=between(FIRST, LAST, NOW))


def total(values: Sequence[str | None]) -> Decimal:
    return sum((Decimal(value) for value in values if value is not None), Decimal(0))


def whole(of: Report) -> Decimal:
    """Known and estimated dollars."""
    return total([of["totals"]["cost_usd"], of["totals"]["estimated_usd"]])


def test_features_days_models_tenants_and_owners_add_up_to_the_report_to_the_last_digit(
    grafana: Grafana, traffic: Pipeline
) -> None:
    told = report(traffic)
    parts = [
        *(("bill", title) for title in ("Who drives it", "Spend by day and feature", "Models", "Tenants", "Owners")),
        *(("feature", title) for title in ("Spend by day and model", "Users")),
    ]
    for stem, title in parts:
        answer = grafana.ask(sql_of(stem, title), chosen())
        assert total(answer.column("usd")) == whole(told), title
    (row,) = grafana.ask(sql_of("bill", "This period"), chosen()).rows
    assert Decimal(row["usd"] or 0) == whole(told)
    assert Decimal(row["known_usd"] or 0) == Decimal(told["totals"]["cost_usd"] or 0)
    assert Decimal(row["estimated_usd"] or 0) == Decimal(told["totals"]["estimated_usd"] or 0)
    assert Decimal(row["before_usd"] or 0) == Decimal(told["totals"]["previous_cost_usd"] or 0)
    assert round(float(row["change"] or 0), 4) == told["totals"]["trend"]
    assert float(row["calls"] or 0) == told["totals"]["calls"]
    assert whole(told) > Decimal("0.5")


@pytest.mark.parametrize("hour", [11, 13])
def test_a_period_that_is_not_over_is_set_against_as_much_of_the_one_before(
    grafana: Grafana, traffic: Pipeline, hour: int
) -> None:
    """All calls of the 9th, ten days before the last day, begin at noon."""
    told = build_report(traffic.store, period=between(FIRST, LAST, at(19, hour)))["totals"]
    now = f"toDateTime('2026-11-19 {hour}:00:00', 'UTC')"
    for values in (chosen(), chosen(tenant=[*HARD, "(none)"])):
        (row,) = grafana.ask(sql_of("bill", "This period").replace("now('UTC')", now), values).rows
        assert Decimal(row["before_usd"] or 0) == Decimal(told["previous_cost_usd"] or 0)
        assert (row["before_usd"] is None) == (hour == 11)


def test_the_pareto_is_the_reports_table_and_ends_at_the_whole(grafana: Grafana, traffic: Pipeline) -> None:
    told = report(traffic)["features"]  # pyright: ignore
    rows = grafana.ask(sql_of("bill", "Features"), chosen()).rows
    assert [row["feature"] for row in rows] == [one["feature"] or "(unallocated)" for one in told]
    for row, one in zip(rows, told, strict=True):
        assert total([row["known_usd"]]) == total([one["cost_usd"]])
        assert total([row["estimated_usd"]]) == total([one["estimated_usd"]])
        assert round(float(row["share"] or 0), 9) == one["share"]
        assert round(float(row["running_share"] or 0), 9) == one["cumulative_share"]
        assert (None if row["change"] is None else round(float(row["change"]), 4)) == one["trend"]
        assert float(row["calls"] or 0) == one["calls"]
        assert float(row["usd_per_call"] or 0) == pytest.approx(float(one["cost_per_call_usd"]), abs=1e-9)
    assert rows[-1]["running_share"] == "1"


def test_coverage_is_the_reports(grafana: Grafana, traffic: Pipeline) -> None:
    (row,) = grafana.ask(sql_of("bill", "Coverage"), chosen()).rows
    told = report(traffic)["coverage"]
    assert {name: round(float(value or 0), 6) for name, value in row.items()} == {
        "priced_calls": told["priced"],
        "calls_with_usage": told["reported_usage"],
        "allocated_calls": told["allocated"],
        "allocated_dollars": round(told["allocated_usd"] or 0, 6),
        "estimated_dollars": round(told["estimated_usd"] or 0, 6),
    }


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_whatever_it_is_called_is_chosen_by_the_value_that_its_variable_offers(
    grafana: Grafana, traffic: Pipeline, name: str
) -> None:
    offered = {row["text"]: row["value"] for row in grafana.ask(sql_of("bill", "$feature"), chosen()).rows}
    (row,) = grafana.ask(sql_of("feature", "This period"), {**chosen(), "feature": [offered[name] or ""]}).rows
    (one,) = [one for one in report(traffic)["features"] if one["feature"] == name]  # pyright: ignore
    assert (Decimal(row["known_usd"] or 0), float(row["calls"] or 0)) == (Decimal(one["cost_usd"]), one["calls"])


def test_no_name_is_a_choice_like_any_other(grafana: Grafana) -> None:
    (row,) = grafana.ask(sql_of("bill", "This period"), chosen(feature=["(unallocated)"])).rows
    assert (row["known_usd"], row["calls"]) == ("0.00021", "1")
    (row,) = grafana.ask(sql_of("bill", "This period"), chosen(feature=["nobody's"])).rows
    assert (row["usd"], row["change"], row["calls"]) == (None, None, "0")


def test_filters_work_together_and_a_tenant_is_found_in_an_environment(grafana: Grafana, traffic: Pipeline) -> None:
    for environment in ("production", "(none)"):
        (row,) = grafana.ask(sql_of("bill", "This period"), chosen(environment=[environment])).rows
        tenants = grafana.ask(sql_of("bill", "Tenants"), chosen(environment=[environment])).rows
        assert total([one["usd"] for one in tenants]) == Decimal(row["usd"] or 0)
        # By tenant the days come from one grain, with an environment from the ledger itself.
        for one in tenants[:1]:
            values = chosen(environment=[environment], tenant=[str(one["tenant"])])
            (alone,) = grafana.ask(sql_of("feature", "This period"), values).rows
            assert alone["usd"] == one["usd"], one
    told = {one["tenant"] or "(none)": one["cost_usd"] for one in report(traffic, Dimension.TENANT)["tenants"]}  # pyright: ignore
    rows = grafana.ask(sql_of("bill", "Tenants"), chosen()).rows
    assert {row["tenant"]: row["known_usd"] for row in rows} == told


def test_a_key_of_one_project_sees_its_own_rows_and_no_collector(grafana: Grafana, traffic: Pipeline) -> None:
    own = build_report(traffic.store, period=between(FIRST, LAST, NOW), project="default")
    answer = grafana.ask(sql_of("bill", "Who drives it"), chosen(), key="key-default")
    assert total(answer.column("usd")) == whole(own) < whole(report(traffic))
    assert grafana.ask(sql_of("bill", "$project"), chosen(), key="key-default").column("text") == ["default"]
    for title in ("Collectors", "Lag", "Spans received and landed"):
        assert grafana.ask(sql_of("pipeline", title), chosen(), key="key-default").rows == []
    verdicts = grafana.ask(sql_of("threshold", "Verdicts"), chosen(), key="key-default").rows
    assert [row["feature"] for row in verdicts] == ["it's"]


def test_days_at_the_edges_of_the_range_count_whole(grafana: Grafana, traffic: Pipeline) -> None:
    # One that ends at midnight does not count the day that begins then.
    for time in (Range(at(10, 15), at(19, 1)), Range(at(10, 0), at(20, 0))):
        answer = grafana.ask(sql_of("bill", "This period"), chosen(), time=time)
        assert total(answer.column("usd")) == whole(report(traffic))
        # By tenant days are cut from minutes, and are the same.
        of_tenant = grafana.ask(sql_of("bill", "Who drives it"), chosen(tenant=["it's"]), time=time)
        assert of_tenant == grafana.ask(sql_of("bill", "Who drives it"), chosen(tenant=["it's"]))
    one_day = grafana.ask(sql_of("bill", "This period"), chosen(), time=Range(at(11, 15), at(11, 16)))
    assert one_day.column("known_usd") == ["0.00021"]
    # The day before is the period before.
    assert one_day.column("before_usd") == ["0.1215"]
