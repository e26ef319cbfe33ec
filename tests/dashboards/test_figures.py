"""Figures on dashboards, panel by panel, on the seeded store."""

from decimal import Decimal

import pytest
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.verdicts.margin import build_margin

from tests.dashboards.conftest import Grafana, chosen, queries, sql_of
from tests.dashboards.macros import Values
from tests.dashboards.traffic import FEATURES, HARD, at


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
        "project": "other's", "feature": "back\\slash", "feature_value": "back\\\\slash", "now": "below", "spend_usd": "120", "break_even_usd": "1000",
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
    values = ("default", "deal", "openai", "gpt-4o", at(15, 0), at(17, 0), at(20, 12), Decimal("1"))
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
