"""Every query of every dashboard, as Grafana would send it, on ClickHouse: for all, one, several, hard names, nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import pytest
from breakeven_collector.period import between
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.report import Dimension, build_report
from breakeven_collector.report_document import Report
from breakeven_collector.verdicts.margin import build_margin
from breakeven_dashboards.build import build

from tests.dashboards.conftest import Answer, Asked, Grafana, chosen, queries, sql_of
from tests.dashboards.macros import Range, Values, expand
from tests.dashboards.test_dashboards import fields_of
from tests.dashboards.traffic import FEATURES, FIRST, HARD, LAST, PERIOD, at

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


# ------------------------------------------------------------------------------------------------------------ shapes


def check_shape(asked: Asked, answer: Answer) -> None:
    names, kinds = list(answer.columns), list(answer.columns.values())
    plain = [kind.removeprefix("Nullable(").removeprefix("LowCardinality(") for kind in kinds]
    assert all(kind.startswith(("String", "Date", "Decimal", "Float", "Int", "UInt")) for kind in plain), (asked, kinds)
    if asked.kind == "timeseries":
        assert (names[0], plain[0].startswith("DateTime")) == ("time", True), asked.where
        assert any(kind.startswith(("Decimal", "Float", "Int", "UInt")) for kind in plain[1:]), asked.where
        assert answer.column("time") == sorted(map(str, answer.column("time"))), asked.where
        # Rows of the same time and texts would be one point of one series.
        texts = [name for name, kind in zip(names, plain, strict=True) if kind.startswith("String")]
        points = [tuple(row[name] for name in ("time", *texts)) for row in answer.rows]
        assert len(set(points)) == len(points), asked.where
    elif asked.kind == "variable":
        assert names == ["value", "text"], asked.where
        # An empty one would be taken for All.
        assert all(answer.column("value")), asked.where
    elif asked.kind == "annotation":
        assert names == ["time", "title", "text", "tags"], asked.where
    else:
        assert asked.kind == "table"


ONE = chosen(project=["default"], environment=["(none)"], feature=["it's"], model=["it's a model", "gpt-4o"])
SEVERAL = chosen(
    project=["default", "other's"], environment=["production", "it's"], feature=HARD, tenant=[*HARD, "(none)"]
)


def test_every_query_answers_in_the_shape_that_its_panel_needs(grafana: Grafana) -> None:
    for asked, answer in zip(queries(), grafana.ask_all(queries(), chosen()), strict=True):
        check_shape(asked, answer)
        # Only own prices are not there yet.
        assert answer.rows or asked.where.endswith("Price changes"), asked.where


def test_every_column_that_is_shown_has_a_title_and_the_unit_of_what_it_counts(grafana: Grafana) -> None:
    for dashboard in build().values():
        for panel in dashboard["panels"]:
            default = panel["fieldConfig"]["defaults"]
            for target in panel["targets"]:
                columns = grafana.ask(target["rawSql"], chosen()).columns
                shown = [name for name in columns if not (panel["type"] == "timeseries" and name == "time")]
                only = {
                    name for step in panel.get("transformations", []) for name in step["options"]["include"]["names"]
                }
                for name in only & set(shown) or set(shown):
                    own = fields_of(panel).get(name)
                    numeric = not columns[name].removeprefix("Nullable(").startswith(("String", "Low", "Date"))
                    if panel["type"] == "stat":
                        # What is not shown needs nothing.
                        if own is None:
                            continue
                    elif panel["type"] == "table":
                        assert own is not None, (panel["title"], name)
                    if numeric:
                        unit = (own or {}).get("unit", default["unit"])
                        dollars = name == "usd" or name.endswith("_usd") or name == "usd_per_call"
                        assert (unit == "currencyUSD") == dollars, (panel["title"], name, unit)
                        shares = name.endswith(("_share", "change", "of_break_even", "of_budget")) or name == "share"
                        assert not shares or unit == "percentunit", (panel["title"], name, unit)


def test_every_query_answers_for_one_name_and_for_many_that_are_hard_to_quote(grafana: Grafana) -> None:
    for number, asked in enumerate(queries()):
        # In turns: what differs is the text of the choice, in the same conditions.
        check_shape(asked, grafana.ask(asked.sql, (ONE, SEVERAL)[number % 2]))


def test_an_empty_store_answers_every_query_with_its_columns_and_no_figure(grafana_of_nothing: Grafana) -> None:
    for asked, answer in zip(queries(), grafana_of_nothing.ask_all(queries(), chosen()), strict=True):
        check_shape(asked, answer)
        # Sums over nothing: a row of what is not known, and counts of 0.
        assert len(answer.rows) <= 1, asked.where
        for row in answer.rows:
            assert {value for name, value in row.items() if "calls" not in name} <= {None}, asked.where
            assert {value for name, value in row.items() if "calls" in name} <= {None, "0"}, asked.where


def test_a_real_client_reads_the_same_in_the_format_that_the_plugin_asks_for(
    grafana: Grafana, grafana_of_nothing: Grafana
) -> None:
    titles = [("bill", "This period"), ("feature", "Latency"), ("threshold", "Verdicts"), ("pipeline", "Collectors")]
    for server in (grafana, grafana_of_nothing):
        port = urlsplit(server.url).port or 0
        client = clickhouse_connect.get_client(
            host="127.0.0.1", port=port, proxy_path="/clickhouse", username="grafana", password="key-all"
        )
        for stem, title in titles:
            sql = sql_of(stem, title)
            # Native, with types that only it tells: nullable decimals, times with fractions, texts in dictionaries.
            result: Any = client.query(expand(sql, chosen(), PERIOD))
            told = server.ask(sql, chosen())
            assert list(result.column_names) == list(told.columns)
            assert len(result.result_rows) == len(told.rows)
            for row, texts in zip(result.named_results(), told.rows, strict=True):
                for name, value in row.items():
                    if isinstance(value, Decimal):
                        assert value == Decimal(texts[name] or "nothing"), name
                    elif value is None or isinstance(value, str):
                        assert value == texts[name], name
        client.close()


# ---------------------------------------------------------------------------------------------- the bill is one bill


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


# ------------------------------------------------------------------------------------------------- figures by figure


def test_days_that_a_bill_is_closed_for_are_tied_out_each_for_itself(grafana: Grafana) -> None:
    (row,) = grafana.ask(sql_of("bill", "Tied out with the providers' bills"), chosen()).rows
    days = grafana.ask(sql_of("bill", "Billed and seen by day"), chosen()).rows
    seen = {str(day["time"])[:10]: Decimal(day["seen_usd"] or 0) for day in days}
    # More seen than billed on the 14th makes up for nothing on the 12th.
    assert float(row["seen_share"] or 0) == pytest.approx(
        float((seen["2026-11-12"] + Decimal("0.001")) / Decimal("1.001"))
    )
    assert (Decimal(row["billed_usd"] or 0), Decimal(row["seen_usd"] or 0)) == (
        Decimal("1.001"),
        seen["2026-11-12"] + seen["2026-11-14"],
    )
    assert {str(day["time"])[:10]: day["billed_usd"] for day in days if day["billed_usd"]} == {
        "2026-11-12": "1",
        "2026-11-14": "0.001",
    }


def test_shares_and_costs_a_call_are_of_the_calls_that_have_them(grafana: Grafana) -> None:
    search = chosen(feature=["search"], project=["default"])
    days = {
        str(r["time"])[:10]: r for r in grafana.ask(sql_of("feature", "Cached input and failures by day"), search).rows
    }
    # On the 16th two calls, of 1,000 input tokens each; one read 600 of a cache. On the 14th one of two failed.
    assert (days["2026-11-16"]["cached_share"], days["2026-11-14"]["failed_share"]) == ("0.3", "0.5")
    # No usage was reported on the 13th: neither share nor cost is known, and that is not 0.
    assert days["2026-11-13"]["cached_share"] is None
    costs = {
        str(r["time"])[:10]: r["usd_per_call"]
        for r in grafana.ask(sql_of("feature", "Cost a call by day"), search).rows
    }
    assert (costs["2026-11-10"], costs["2026-11-13"]) == ("0.0035", None)
    tokens = {str(r["time"])[:10]: r for r in grafana.ask(sql_of("feature", "Tokens by kind and day"), search).rows}
    assert tokens["2026-11-16"] == {
        "time": "2026-11-16 00:00:00", "uncached_input": "1400", "read_from_cache": "600", "written_to_cache": "0",
        "audio_and_image_input": "0", "answer": "200", "reasoning": "0", "audio_and_image_output": "0",
    }  # fmt: skip


def test_latency_and_errors_come_from_the_calls_under_their_feature(grafana: Grafana) -> None:
    search = chosen(feature=["search"], project=["default"])
    latency = {str(row["time"])[:10]: row for row in grafana.ask(sql_of("feature", "Latency"), search).rows}
    assert [latency["2026-11-10"][name] for name in ("p50_seconds", "p95_seconds")] == ["1", "1"]
    assert float(latency["2026-11-14"]["p95_seconds"] or 0) > 8
    assert grafana.ask(sql_of("feature", "Errors"), search).rows == [
        {"error": "rate_limit's", "model": "gpt-4o", "calls": "1", "last": "2026-11-14 12:00:00.000000"}
    ]
    assert grafana.ask(sql_of("feature", "Errors"), chosen(feature=["it's"])).rows == []


def test_margin_is_the_one_of_the_same_days(grafana: Grafana, traffic: Pipeline) -> None:
    (row,) = grafana.ask(sql_of("feature", "Margin, where revenue is known"), chosen(project=["default"])).rows
    # The line was imported twice: the last holds. 10 of its 20 days lie in the period.
    assert (row["feature"], row["revenue_usd"]) == ("search", "50")
    assert float(row["gross_margin"] or 0) == pytest.approx(1 - float(row["cost_of_goods_usd"] or 0) / 50)
    november = build_margin(traffic.store, months=1, project="default", now=at(20, 0))
    (told,) = [one for one in november["rows"] if one["feature"] == "search"]
    # The same, but for the days from the first call of the month on.
    assert told["revenue_usd"] == "50"
    assert Decimal(told["cost_usd"]) - Decimal(row["cost_of_goods_usd"] or 0) == Decimal("0.0035")


def test_the_sum_of_thirty_days_goes_on_over_days_without_calls(grafana: Grafana) -> None:
    rows = grafana.ask(sql_of("threshold", "Spend of 30 days against the break-even"), chosen(feature=["it's"])).rows
    by_day = {str(row["time"])[:10]: float(row["usd"] or 0) for row in rows}
    assert len(rows) == 10
    # $0.0035 on the 20th of October and on the 9th; $0.006 on the 10th, the 12th, and so on.
    assert [by_day[f"2026-11-{day}"] for day in (10, 11, 12, 18, 19)] == pytest.approx(
        [0.013, 0.013, 0.019, 0.037, 0.0335]
    )


def test_verdicts_are_shown_as_they_were_given(grafana: Grafana) -> None:
    def ask(title: str, values: Values) -> list[dict[str, str | None]]:
        return grafana.ask(sql_of("threshold", title), values).rows

    verdicts = ask("Verdicts", chosen(feature=["search"]))
    assert verdicts == [
        {
            "project": "(all)", "feature": "search", "feature_value": "search", "verdict": "Stay with search.",
            "spend_usd": "120", "break_even_usd": "100", "of_break_even": "1.2", "next_step": "Ask again.",
            "decided_at": "2026-11-20 12:00:00.000000",
        }
    ]  # fmt: skip
    assert [(row["feature"], row["of_break_even"]) for row in ask("Verdicts", chosen(feature=["it's"]))] == [
        ("it's", None)
    ]
    (crossing,) = ask("When it crosses", chosen(feature=["back\\slash"]))
    assert crossing == {
        "project": "other's", "feature": "back\\slash", "now": "below", "spend_usd": "120", "break_even_usd": "1000",
        "crosses_p10_on": None, "crosses_p50_on": "2026-12-24", "crosses_p90_on": None, "within_90_days": "0.4",
    }  # fmt: skip
    assert [(r["feature"], r["best"], r["saves_usd"]) for r in ask("Savings inside the API", chosen())] == [
        ("search", "cache", "30"),
        ("back\\slash", "batch ?", None),
    ]
    assert [r["feature"] for r in ask("Evidence", chosen(project=["default"]))] == ["it's", "search"]
    assert [(r["feature"], r["of_budget"], r["reason"]) for r in ask("Month's end against the budget", chosen())] == [
        ("(whole bill)", "0.75", ""),
        ("it's", None, "too few days"),
    ]
    assert [(r["feature"], r["note"], r["revisit_on"]) for r in ask("Decisions", chosen())] == [
        ("it's", "it isn't worth it", "2027-05-01")
    ]
    break_even = next(asked for asked in queries() if "break_even_usd" in asked.sql and asked.kind == "timeseries")
    assert [(r["time"], r["break_even_usd"]) for r in grafana.ask(break_even.sql, chosen(feature=["search"])).rows] == [
        ("2026-11-10 00:00:00", "100"),
        ("2026-11-19 23:59:59", "100"),
    ]


def test_the_pipeline_tells_what_is_not_known_or_not_counted(grafana: Grafana) -> None:
    def ask(title: str) -> list[dict[str, str | None]]:
        return grafana.ask(sql_of("pipeline", title), chosen()).rows

    assert [(r["reason"], r["model"], r["calls"]) for r in ask("Unpriced models and meters")] == [
        ("no usage reported", "gpt-4o", "1"),
        ("model not in the price book", "it's a model", "1"),
    ]
    assert [(str(r["time"])[:10], r["reason"]) for r in ask("Calls without all their dollars, by day and reason")] == [
        ("2026-11-12", "model not in the price book"),
        ("2026-11-13", "no usage reported"),
    ]
    assert [(r["service"], r["usd"], r["calls"]) for r in ask("Unattributed, by service")] == [("api", "0.00021", "1")]
    assert ask("Removed and late") == [
        {"duplicate_calls": "1", "wrapper_calls": "0", "removed_usd": "0.0035", "late_calls": "0", "late_usd": None}
    ]
    assert [(str(r["time"])[:10], r["duplicate_calls"]) for r in ask("Removed and late by day")] == [
        ("2026-11-15", "1")
    ]
    shares = {str(r["time"])[:10]: r for r in ask("Priced, allocated, estimated by day")}
    assert (shares["2026-11-13"]["priced_calls"], shares["2026-11-13"]["estimated_dollars"]) == ("0", "1")
    assert (shares["2026-11-11"]["allocated_calls"], shares["2026-11-10"]["priced_calls"]) == ("0", "1")
    assert {r["what"] for r in ask("Price books and imported bills")} == {"prices", "bill of openai"}


def test_a_collector_that_was_started_anew_loses_no_span_of_its_counters(grafana: Grafana) -> None:
    (row,) = grafana.ask(sql_of("pipeline", "Spans received and landed"), chosen()).rows
    # 100 → 160 → started anew, 40 → 50; the first row is where counting begins.
    assert (row["received"], row["landed"], row["failed_tries"]) == ("110", "120", "3")
    assert [r["lag_seconds"] for r in grafana.ask(sql_of("pipeline", "Lag"), chosen()).rows] == ["3"]
    (now,) = grafana.ask(sql_of("pipeline", "Collectors"), chosen()).rows
    assert {name: now[name] for name in ("collector", "lag_seconds", "journal_full", "quarantined", "held_up")} == {
        "collector": "one:4318", "lag_seconds": "1", "journal_full": "0.1", "quarantined": "2", "held_up": "no",
    }  # fmt: skip


def test_annotations_tell_decisions_new_models_and_changes_of_prices(grafana: Grafana, traffic: Pipeline) -> None:
    assert grafana.ask(sql_of("bill", "Decisions"), chosen()).column("text") == ["it's: it isn't worth it"]
    assert grafana.ask(sql_of("bill", "Decisions"), chosen(feature=["search"])).rows == []
    assert [(str(r["time"])[:10], r["text"]) for r in grafana.ask(sql_of("feature", "New models"), chosen()).rows] == [
        ("2026-11-11", "(unallocated) calls gpt-4o-mini"),
        ("2026-11-12", "search calls it's a model"),
    ]
    columns = ("project", "entry_id", "provider", "model", "valid_from", "valid_to", "entered_at", "book_factor")
    values = ("default", "deal", "openai", "gpt-4o", at(15, 0), at(17, 0), NOW, Decimal("1"))
    traffic.store.insert("price_override", columns, [values])
    try:
        changes = grafana.ask(sql_of("bill", "Price changes"), chosen(), anew=True).rows
        assert [(str(row["time"])[:10], row["text"]) for row in changes] == [
            ("2026-11-15", "gpt-4o: own price begins"),
            ("2026-11-17", "gpt-4o: own price ends"),
        ]
        assert grafana.ask(sql_of("bill", "Price changes"), chosen(project=["other's"]), anew=True).rows == []
        assert grafana.ask(sql_of("bill", "Price changes"), chosen(model=["gpt-4o-mini"]), anew=True).rows == []
    finally:
        traffic.store.run("TRUNCATE TABLE price_override")


def test_variables_offer_the_names_of_the_time_the_dearest_first(grafana: Grafana) -> None:
    rows = grafana.ask(sql_of("bill", "$feature"), chosen()).rows
    assert {row["text"] for row in rows} == {*FEATURES, "(unallocated)"}
    assert rows[0]["text"] == FEATURES[-1]
    assert {row["text"]: row["value"] for row in rows}["back\\slash"] == "back\\\\slash"
    assert grafana.ask(sql_of("bill", "$environment"), chosen()).column("text") == ["(none)", "production"]
    assert set(grafana.ask(sql_of("bill", "$tenant"), chosen()).column("text")) == {*HARD, "(none)"}
    # Each within what the ones before it choose.
    assert grafana.ask(sql_of("bill", "$model"), chosen(feature=["(unallocated)"])).column("text") == ["gpt-4o-mini"]
    assert grafana.ask(sql_of("bill", "$feature"), chosen(project=["other's"])).column("text") == ["search"]


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
