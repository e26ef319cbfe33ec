"""Sixty days with late data, restarts and two collectors over one store: each thing is told exactly once."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from breakeven_collector.alerts.config import AlertsConfig, load_alerts
from breakeven_collector.alerts.documents import read_event
from breakeven_collector.alerts.evaluate import Evaluator, look_day
from breakeven_collector.alerts.events import Change, Event, Rule
from breakeven_collector.alerts.job import declared_by
from breakeven_collector.alerts.log import AlertLog
from breakeven_collector.alerts.rules_verdict import Decided
from breakeven_collector.alerts.service import history, list_alerts, snooze
from breakeven_collector.alerts.sources import Sources
from breakeven_collector.errors import StoreUnavailable
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.store import Store

from tests.alerts.traffic import DAY, HOUR, decided, hourly, send
from tests.conftest import quick_settings

START = datetime(2026, 9, 7, tzinfo=UTC)
"""A Monday."""
DAYS = 60
BATCH = 6
"""Days that land together."""
JUMP = START + 40 * DAY + 10 * HOUR
LATE_JUMP = START + 50 * DAY + 20 * HOUR
"""Its calls come the day after."""
SILENT = START + 45 * DAY
CONFIG = """
[features.steady]
budget_usd_per_month = 1200
[alerts.rules.silent]
min_calls = 5
"""


@pytest.fixture(scope="module")
def pipeline(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    dsn = f"chdb://{engine_folder}?database=soak_{uuid4().hex[:8]}"
    settings = quick_settings(dsn, tmp_path_factory.mktemp("soak"))
    settings.config.write_text(CONFIG, encoding="utf-8")
    with Pipeline(settings) as pipeline:
        yield pipeline


def verdicts(_project: str | None, at: datetime, _keep: bool) -> list[Decided]:
    """A feature that grows over its break-even on day 30, dips under it by 3 % and then far under it, and a verdict
    that changes for a day on day 20 and for good on day 25."""
    day = (at - START) // DAY
    live = 15_000.0 if day < 20 else 19_000.0 if day < 30 else 21_000.0
    live = 19_500.0 if 40 <= day < 44 else 18_000.0 if day >= 50 else live
    soon = {"on": at.date() + (30 - day) * DAY, "probability_90_days": 0.9} if 20 <= day < 30 else {}
    code = "HYBRID" if day == 20 or day >= 25 else "STAY"
    return [decided("grown", at.date(), live, code=code, sentence=f"{code}.", **soon)]


class Crashing(AlertLog):
    """A log whose process dies before what its states tell is among the events."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.settled = 0

    def settle(self) -> list[Event]:
        self.settled += 1
        if self.settled == 2:
            raise StoreUnavailable("killed")
        return super().settle()


def evaluator(pipeline: Pipeline) -> Evaluator:
    store, config = pipeline.store, pipeline.settings.config
    return Evaluator(store, Sources(store, config, "UTC", verdicts, declared_by(config), draws=100))


def land(pipeline: Pipeline, first: int, days: int) -> None:
    begin, hours = START + first * DAY, days * 24
    send(pipeline, hourly("steady", begin, hours, usd=1.5))
    awake = max(0, min(hours, int((SILENT - begin) / HOUR)))
    send(pipeline, hourly("worker", begin, awake, usd=1.0), service="worker")
    if begin <= JUMP < begin + days * DAY:
        send(pipeline, hourly("steady", JUMP, 1, usd=80.0, calls=10))
    if begin <= LATE_JUMP + DAY < begin + days * DAY:
        send(pipeline, hourly("steady", LATE_JUMP, 1, usd=190.0, calls=10))
    pipeline.drain()


@pytest.fixture(scope="module")
def told(pipeline: Pipeline) -> list[Event]:
    """What was told after all of it."""
    # A thread's handle of the store is dear.
    with ThreadPoolExecutor(2) as pool:
        soak(pipeline, pool)
    AlertLog(pipeline.store).settle()
    rows = pipeline.store.rows("SELECT document FROM alert_events ORDER BY at, rule, subject")
    return [read_event(row["document"]) for row in rows]


def soak(pipeline: Pipeline, pool: ThreadPoolExecutor) -> None:
    dice = Random(7)
    config: AlertsConfig = load_alerts(pipeline.settings.config)
    for first in range(0, DAYS, BATCH):
        land(pipeline, first, BATCH)
        begin = START + first * DAY
        sources = evaluator(pipeline)._sources  # pyright: ignore[reportPrivateUsage]
        hours = sources.hours(begin, begin + BATCH * DAY)
        ticks = {begin + n * DAY + HOUR * hour for n in range(BATCH) for hour in ((2, 14) if n == 0 else (2,))}
        ticks |= {at for at in (JUMP + HOUR, JUMP + 5 * HOUR) if begin <= at < begin + BATCH * DAY}
        for at in sorted(ticks):
            is_daily = look_day(at, ZoneInfo("UTC")) != look_day(at - 12 * HOUR, ZoneInfo("UTC"))
            both = [evaluator(pipeline), evaluator(pipeline)]
            if dice.random() < 0.15:
                both[0]._log = Crashing(pipeline.store)  # pyright: ignore[reportPrivateUsage]

            looks = [pool.submit(one.run, at, config, is_daily=is_daily, hours=hours) for one in both]
            assert {str(error) for one in looks if (error := one.exception())} <= {"killed"}


def of(told: list[Event], rule: Rule) -> list[tuple[str, Change, int]]:
    return [(one.subject, one.change, (one.at - START) // DAY) for one in told if one.rule is rule]


def test_each_thing_is_told_exactly_once(told: list[Event]) -> None:
    assert [id for id, n in Counter(one.id for one in told).items() if n > 1] == []
    assert of(told, Rule.JUMP) == [
        ("steady", Change.FIRING, 40),
        ("steady", Change.RESOLVED, 40),
        # What came a day late is told by its day.
        ("steady", Change.FIRING, 51),
        ("steady", Change.RESOLVED, 52),
    ]
    assert of(told, Rule.SILENT) == [("worker", Change.FIRING, 46), ("worker", Change.RESOLVED, 52)]
    assert of(told, Rule.APPROACHING) == [("grown", Change.FIRING, 21)]
    # Three per cent below it is not over; ten are. It was told on the second day, and again a month later at most.
    assert of(told, Rule.CROSSED) == [("grown", Change.FIRING, 31), ("grown", Change.RESOLVED, 50)]
    # One day's other verdict is noise.
    assert of(told, Rule.VERDICT) == [("grown", Change.FIRING, 26)]
    # October's end, that the month is over, and November's: three alerts' worth, not one a day.
    assert [change for _, change, _ in of(told, Rule.BUDGET)] == [Change.FIRING, Change.RESOLVED, Change.FIRING]


def test_what_was_told_stands_in_the_states(pipeline: Pipeline, told: list[Event]) -> None:
    held = AlertLog(pipeline.store).states()["default"]
    firing = {key for key, one in held.items() if one.state.status == "firing"}
    assert firing == {(Rule.BUDGET, "steady")}
    versions = pipeline.store.rows(
        "SELECT project, rule, subject, count() AS n, max(version) AS last FROM alert_states "
        "GROUP BY project, rule, subject HAVING n != last"
    )
    assert versions == []
    assert {one.project for one in told} == {"default"}


def test_what_late_calls_undo_is_taken_back(pipeline: Pipeline, told: list[Event]) -> None:
    assert told
    config = load_alerts(pipeline.settings.config)
    rules = dict(config.rules)
    rules[Rule.SILENT] = replace(rules[Rule.SILENT], values={**rules[Rule.SILENT].values, "silent_hours": 1.0})
    config = AlertsConfig(rules)
    at = START + DAYS * DAY + 6 * HOUR
    send(pipeline, hourly("steady", START + DAYS * DAY, 6, usd=1.5))
    pipeline.drain()
    again = evaluator(pipeline)
    # The last hours of steady's service are silent, and then it turns out that they were only late.
    (event,) = [one for one in again.run(at + 6 * HOUR, config, is_daily=False).events if one.rule is Rule.SILENT]
    assert (event.subject, event.change) == ("api", Change.FIRING)
    send(pipeline, [*hourly("steady", at, 7, usd=1.5)])
    pipeline.drain()
    (event,) = [one for one in again.run(at + 7 * HOUR, config, is_daily=False).events if one.rule is Rule.SILENT]
    assert (event.change, event.since) == (Change.CORRECTED, at + 6 * HOUR)
    assert event.headline.startswith(
        "That was not so. It was told: api has sent no call since 06:00 on 6 Nov: 6 hours,"
    )
    assert again.run(at + 7 * HOUR, config, is_daily=False).events == []


def test_a_snoozed_rule_tells_nothing(pipeline: Pipeline, told: list[Event]) -> None:
    assert told
    store = pipeline.store
    at = START + DAYS * DAY + 14 * HOUR
    config = AlertsConfig(
        {
            rule: replace(one, enabled=rule is Rule.SILENT)
            for rule, one in load_alerts(pipeline.settings.config).rules.items()
        }
    )
    snooze(store, "default", "silent", "api", at + 10 * HOUR, "Ann", at)
    before = len(history(store, None, 1000))
    hours = evaluator(pipeline)._sources.hours(at, at + 10 * HOUR)  # pyright: ignore[reportPrivateUsage]
    for hour in (1, 5, 9):
        assert evaluator(pipeline).run(at + hour * HOUR, config, is_daily=False, hours=hours).events == []
    (row,) = [one for one in list_alerts(store, "default", at) if one["rule"] == "silent"]
    assert (row["state"], row["subject"], row["snoozed_until"]) == ("snoozed", "api", at + 10 * HOUR)
    (event,) = evaluator(pipeline).run(at + 10 * HOUR, config, is_daily=False, hours=hours).events
    assert (event.change, event.subject) == (Change.FIRING, "api")
    assert len(history(store, None, 1000)) == before + 1
    assert list_alerts(store, "another", at) == history(store, "another", 10) == []
