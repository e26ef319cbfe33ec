"""Each rule's query on real ClickHouse: which instances fire, in an empty store, with one feature, with quotes."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from breakeven_collector.store import Store
from breakeven_dashboards.alert_rules import RULES, Rule

from tests.collector.cubes import cube

QUOTED = 'it\'s "a\\b"'
STRINGS = {"String", "LowCardinality(String)"}
RULE = {rule.name: rule for rule in RULES}
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
"""When it is for the rules, here."""


@pytest.fixture(scope="module")
def alert_store(engine_folder: Path) -> Iterator[Store]:
    store = Store(f"chdb://{engine_folder}?database=t_{uuid4().hex[:12]}").open()
    yield store
    store.close()


@pytest.fixture
def empty(alert_store: Store) -> Store:
    for table in ("verdicts", "forecasts", "collector_health", "spend_cubes", "calls"):
        alert_store.run(f"TRUNCATE TABLE {table}")
    return alert_store


def at_noon(sql: str) -> str:
    """The query as it would be asked at `NOW`: no test may depend on midnight."""
    for name, value in (("today", "2026-11-24"), ("yesterday", "2026-11-23")):
        sql = sql.replace(f"{name}()", f"toDate('{value}')")
    return sql.replace("now()", "toDateTime('2026-11-24 12:00:00', 'UTC')")


def instances(store: Store, rule: Rule) -> dict[tuple[str, ...], float]:
    """Labels → number, as Grafana makes instances of the rows of a table."""
    rows = store.rows(at_noon(rule.sql))
    numbers = {name for row in rows for name, value in row.items() if isinstance(value, (int, float))}
    assert len(numbers) <= 1, f"{rule.name}: more than one column is a number"
    found = {tuple(str(v) for v in row.values() if isinstance(v, str)): _number(row) for row in rows}
    assert len(found) == len(rows), f"{rule.name}: two rows have the same labels"
    return found


def firing(store: Store, rule: Rule) -> set[tuple[str, ...]]:
    return {labels for labels, number in instances(store, rule).items() if number > rule.above}


def _number(row: dict[str, Any]) -> float:
    (number,) = (value for value in row.values() if isinstance(value, (int, float)))
    return float(number)


def verdict(store: Store, feature: str, threshold_usd: float | None, *, project: str = "", hours_ago: int = 1) -> None:
    columns = ["project", "feature", "decided_at", "digest", "window_from", "window_to", "spend_usd", "threshold_usd"]
    decided = NOW - timedelta(hours=hours_ago)
    row = (project, feature, decided, uuid4().hex, decided - timedelta(30), decided, 0.0, threshold_usd)
    store.insert("verdicts", columns, [row])


def forecast(store: Store, feature: str, p90_usd: float | None, budget_usd: int | None, **also: Any) -> None:
    row = {
        "project": "",
        "feature": feature,
        "month": NOW.date().replace(day=1),
        "made_at": NOW,
        "p90_usd": p90_usd,
        "budget_usd": budget_usd,
        **also,
    }
    store.insert("forecasts", row.keys(), [tuple(row.values())])


def day(ago: int) -> date:
    return NOW.date() - timedelta(ago)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_in_an_empty_store_nothing_fires_and_each_row_has_one_number(empty: Store, rule: Rule) -> None:
    types = {row["name"]: row["type"] for row in empty.rows(f"DESCRIBE ({rule.sql})")}
    numbers = [name for name, kind in types.items() if kind == "Float64"]
    assert (len(numbers), {kind for name, kind in types.items() if name not in numbers} <= STRINGS) == (1, True)
    assert set(re.findall(r"\$labels\.(\w+)", rule.summary)) <= types.keys() - {*numbers}
    assert instances(empty, rule) == {}


def test_a_feature_fires_once_its_last_30_whole_days_exceed_its_own_break_even(empty: Store) -> None:
    for name, usd in (("above", "60"), ("below", "40"), (QUOTED, "50.5"), ("undecided", "900")):
        cube(empty, day(1), usd, feature=name)
        cube(empty, day(30), usd, feature=name)
        # Neither today nor the day before the thirty is one of them.
        cube(empty, day(0), "1000", feature=name)
        cube(empty, day(31), "1000", feature=name)
    for name in ("above", "below", QUOTED):
        verdict(empty, name, 5.0, hours_ago=3)
        verdict(empty, name, 100.0)
    verdict(empty, "undecided", None)
    verdict(empty, "silent", 10.0)
    rule = RULE["above_threshold"]
    assert instances(empty, rule) == pytest.approx(
        {
            ("", "above"): 20.0,
            ("", "below"): -20.0,
            ("", QUOTED): 1.0,
            ("", "silent"): -10.0,
        }
    )
    assert firing(empty, rule) == {("", "above"), ("", QUOTED)}


def test_a_feature_is_one_instance_though_there_are_verdicts_of_projects_too(empty: Store) -> None:
    cube(empty, day(1), "60", project="a", feature="chat")
    cube(empty, day(1), "60", project="b", feature="chat")
    cube(empty, day(1), "60", project="b", feature="search")
    verdict(empty, "chat", 100.0, project="a")
    verdict(empty, "search", 10.0, project="b")
    assert instances(empty, RULE["above_threshold"]) == {("a", "chat"): -40.0, ("b", "search"): 50.0}
    verdict(empty, "chat", 100.0)
    assert instances(empty, RULE["above_threshold"]) == {("", "chat"): 20.0, ("b", "search"): 50.0}


def test_a_budget_fires_where_this_months_p90_exceeds_it(empty: Store) -> None:
    forecast(empty, "", 900.0, 1000, made_at=NOW - timedelta(hours=2))
    forecast(empty, "", 1100.0, 1000)
    forecast(empty, QUOTED, 99.0, 100)
    forecast(empty, "without a budget", 99.0, None)
    forecast(empty, "unknown", None, 100)
    forecast(empty, "last month", 200.0, 100, month=(NOW.date().replace(day=1) - timedelta(1)).replace(day=1))
    rule = RULE["forecast_over_budget"]
    assert instances(empty, rule) == {("", "(whole bill)"): 100.0, ("", QUOTED): -1.0}
    assert firing(empty, rule) == {("", "(whole bill)")}
    forecast(empty, "", 3.0, 1, project="a")
    forecast(empty, "chat", 3.0, 1, project="a")
    assert firing(empty, rule) == {("", "(whole bill)"), ("a", "chat")}


def health(store: Store, collector: str, minutes_ago: float, lag_seconds: float) -> None:
    store.insert(
        "collector_health",
        ["collector", "at", "lag_seconds"],
        [(collector, NOW - timedelta(minutes=minutes_ago), lag_seconds)],
    )


def test_the_lag_is_each_collectors_last_word(empty: Store) -> None:
    health(empty, "a", 5, 900.0)
    health(empty, "a", 1, 2.0)
    health(empty, "b", 1, 301.0)
    health(empty, "gone", 90, 900.0)
    assert instances(empty, RULE["lag"]) == {("a",): 2.0, ("b",): 301.0}
    assert firing(empty, RULE["lag"]) == {("b",)}


def test_silence_is_told_once_for_all_collectors_and_not_before_there_was_one(empty: Store) -> None:
    rule = RULE["no_collector"]
    health(empty, "a", 60, 0.0)
    assert firing(empty, rule) == {()}
    health(empty, "b", 1, 0.0)
    assert firing(empty, rule) == set()


def test_a_project_without_calls_for_a_day_fires_until_it_is_given_up(empty: Store) -> None:
    columns = ["project", "ts", "trace_id", "span_id"]
    for project, hours in (("busy", 1), (QUOTED, 30), ("given-up", 24 * 8)):
        empty.insert("calls", columns, [(project, NOW - timedelta(hours=hours), uuid4().hex, uuid4().hex)])
    assert firing(empty, RULE["no_calls"]) == {(QUOTED,)}
    assert instances(empty, RULE["no_calls"]).keys() == {("busy",), (QUOTED,)}


def test_calls_without_a_price_fire_from_two_in_a_hundred_on(empty: Store) -> None:
    def calls(project: str, number: int, **also: Any) -> None:
        row = {
            "grain": "day",
            "project": project,
            "at": day(0),
            "priced_at": day(0),
            "counted": "yes",
            "calls": number,
            **also,
        }
        row["at"] = row["priced_at"] = datetime.combine(day(0), datetime.min.time(), UTC)
        empty.insert("spend_cubes", row.keys(), [tuple(row.values())])

    for project, unknown in (("few", 1), ("many", 5)):
        calls(project, 100 - unknown, basis="reported", reported_cost_usd=1)
        calls(
            project, unknown, basis="usage", uncached_tokens=100, model="nobody-knows-it", provider="p", **{"pass": 7}
        )
    # Usage that nobody reported is no missing price.
    calls("silent", 100, basis="unknown")
    rule = RULE["unpriced"]
    assert instances(empty, rule) == {("few",): 0.01, ("many",): 0.05, ("silent",): 0.0}
    assert firing(empty, rule) == {("many",)}
