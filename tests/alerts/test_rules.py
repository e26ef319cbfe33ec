"""Each rule over the real path: spans or a bill into the collector, a look at a moment, the event that is to be told."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from breakeven_collector.alerts.channels import Channel, Kind
from breakeven_collector.alerts.condition import Known
from breakeven_collector.alerts.config import DEFAULTS, AlertsConfig, load_alerts
from breakeven_collector.alerts.delivery import Delivery
from breakeven_collector.alerts.evaluate import Evaluator
from breakeven_collector.alerts.events import Change, Event, Rule
from breakeven_collector.alerts.hours import Hours
from breakeven_collector.alerts.job import declared_by
from breakeven_collector.alerts.look import Look, find
from breakeven_collector.alerts.machines import Key, known_of, move
from breakeven_collector.alerts.messages import Links
from breakeven_collector.alerts.rules_books import BilledDay
from breakeven_collector.alerts.rules_verdict import Decided
from breakeven_collector.alerts.service import list_alerts
from breakeven_collector.alerts.sources import Sources, store_verdicts
from breakeven_collector.alerts.state import State
from breakeven_collector.pipeline import Pipeline
from breakeven_collector.verdicts.decisions import Decision, Record, record
from pydantic import SecretStr

from tests.alerts.slack_server import Slack
from tests.alerts.things_to_tell import tell
from tests.alerts.traffic import DAY, HOUR, USD, decided, hourly, send
from tests.collector.billed_lines import insert_billed
from tests.conftest import quick_settings
from tests.spans import Call

START = datetime(2026, 10, 12, tzinfo=UTC)
"""A Monday."""
END = START + 39 * DAY
"""Friday, 20 November."""
NOON = END - DAY + 12 * HOUR
CONFIG = """
[features.steady]
owner = "ann"
budget_usd_per_month = 1300

[alerts.rules.budget]
bill_usd_per_month = 100000

[alerts.rules]
unpriced = { enabled = true, min_usd = 1 }
decisions_due = { enabled = true }
band = { enabled = true }
budget_share = { enabled = true }
"""


@pytest.fixture(scope="module")
def filled(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    dsn = f"chdb://{engine_folder}?database=alerts_{uuid4().hex[:8]}"
    settings = quick_settings(dsn, tmp_path_factory.mktemp("alerts"))
    settings.config.write_text(CONFIG, encoding="utf-8")
    hours = 39 * 24
    with Pipeline(settings) as pipeline:
        send(pipeline, [*hourly("steady", START, hours), *hourly("growing", START, hours, usd=1.0)])
        # Nine tenths of a long prompt come from the cache, until it no longer does.
        cached = {"gen_ai.usage.cache_read.input_tokens": 18 * USD}
        send(pipeline, hourly("cached", START, hours - 12, usd=20.0, attributes=cached))
        send(pipeline, hourly("cached", NOON, 3, usd=50.0))
        send(pipeline, hourly("cached", NOON + 3 * HOUR, 9, usd=20.0, attributes=cached))
        # A runaway loop for one of the customers.
        loop = {"breakeven.tenant": "acme"}
        send(pipeline, hourly("steady", NOON, 1, usd=60.0, calls=30, attributes=loop))
        send(pipeline, hourly("nightly", START, hours - 10, usd=1.0, calls=4), service="worker")
        odd = Call(at=NOON, feature="steady", model="nobody-knows", input_tokens=10 * USD)
        send(pipeline, [odd])
        pipeline.drain()
        lines = [
            {"provider": "openai", "report": "costs", "day": day, "item": "tokens", "amount_usd": 900}
            for day in (date(2026, 11, 10) + n * DAY for n in range(8))
        ]
        insert_billed(pipeline.store, lines)
        record(
            pipeline.store,
            Record("steady", Decision.STAY, "ann", "", date(2026, 11, 19)),
            now=START + 10 * DAY,
        )
        yield pipeline


def evaluator(pipeline: Pipeline, *verdicts: Decided, real: bool = False) -> Evaluator:
    store, config = pipeline.store, pipeline.settings.config

    def given(_project: str | None, _at: datetime, _keep: bool) -> tuple[Decided, ...]:
        return verdicts

    source = store_verdicts(store, config, "UTC") if real else given
    return Evaluator(store, Sources(store, config, "UTC", source, declared_by(config), draws=200))


@pytest.fixture(scope="module")
def hours(filled: Pipeline) -> dict[str, Hours]:
    return evaluator(filled)._sources.hours(NOON - DAY, END + DAY)  # pyright: ignore[reportPrivateUsage]


def config_of(pipeline: Pipeline, *rules: Rule, **values: float) -> AlertsConfig:
    """Only these rules, telling at once."""
    read = load_alerts(pipeline.settings.config)
    return AlertsConfig(
        {
            rule: replace(one, enabled=rule in rules, min_hours=0.0, values={**one.values, **values})
            for rule, one in read.rules.items()
        }
    )


def look(
    pipeline: Pipeline, hours: dict[str, Hours], at: datetime, *rules: Rule, verdicts: tuple[Decided, ...] = ()
) -> list[Event]:
    """What a look at a moment would tell by these rules."""
    outcome = evaluator(pipeline, *verdicts).run(
        at, config_of(pipeline, *rules), is_daily=True, hours=hours, dry_run=True
    )
    assert outcome.errors == []
    return outcome.events


def test_an_hour_that_jumps_is_told_with_its_cause_and_the_tenant(filled: Pipeline, hours: dict[str, Hours]) -> None:
    events = {one.subject: one for one in look(filled, hours, NOON + HOUR, Rule.JUMP)}
    steady = events["steady"]
    assert (steady.change, steady.since, steady.owner) == (Change.FIRING, NOON + HOUR, "ann")
    assert steady.headline == "steady cost $62 in the hour from 12:00 on 19 Nov, $60 more than usual"
    assert (steady.figure.usd, steady.figure.limit_usd) == (pytest.approx(62.0), pytest.approx(2.0))
    causes = [one for one in steady.why if one.what != "tenant"]
    assert sum(one.usd or 0.0 for one in causes) == pytest.approx(60.0, abs=0.02)
    assert (causes[0].what, causes[0].detail) == ("volume", "calls 1 → 32")
    assert [one.detail for one in steady.why if one.what == "tenant"] == ["acme: 100% of the rise, $60"]
    assert steady.page == "/feature?feature=steady"
    cached = events["cached"]
    assert cached.headline.startswith("cached cost $50 in the hour from 12:00")
    assert {one.what for one in cached.why} >= {"cache", "prompt length"}
    assert any("cached share of the input 90% → 0%" in one.detail for one in cached.why)
    assert look(filled, hours, NOON, Rule.JUMP) == []


def test_a_service_that_fell_silent_is_told_with_what_is_usual(filled: Pipeline, hours: dict[str, Hours]) -> None:
    assert look(filled, hours, END - 8 * HOUR, Rule.SILENT) == []
    (event,) = look(filled, hours, END - 4 * HOUR, Rule.SILENT)
    assert (event.rule, event.subject) == (Rule.SILENT, "worker")
    assert event.headline == (
        "worker has sent no call since 14:00 on 19 Nov: 6 hours, in which 24 calls and $6 are usual"
    )
    assert (event.figure.usd, event.figure.limit_usd) == (0.0, pytest.approx(6.0))


def test_a_month_that_will_be_over_its_budget_is_told_to_its_owner(filled: Pipeline, hours: dict[str, Hours]) -> None:
    (event,) = look(filled, hours, END - DAY + 2 * HOUR, Rule.BUDGET)
    assert (event.subject, event.owner, event.figure.limit_usd) == ("steady", "ann", 1300.0)
    assert event.headline.startswith("steady will have cost $1.4k by the end of November, at P90 $1.4k: $14")
    assert event.figure.usd == pytest.approx(1440.0, rel=0.01)


def test_shares_of_a_budget_are_told_where_that_is_on(filled: Pipeline, hours: dict[str, Hours]) -> None:
    (event,) = look(filled, hours, END - DAY + 2 * HOUR, Rule.BUDGET_SHARE)
    assert event.headline == "steady has cost $864 in November: 66% of its budget of $1.3k"


def test_billed_and_seen_apart_are_told_over_closed_days(filled: Pipeline, hours: dict[str, Hours]) -> None:
    (event,) = look(filled, hours, END + 2 * HOUR, Rule.APART)
    assert event.subject == "openai"
    assert event.headline.startswith("openai bills $")
    assert "in the 7 days to 17 Nov: $6.3k billed" in event.headline
    assert event.why[0].detail == "most on 11 Nov, $540: $900 billed, $360 seen"
    assert event.next_step.startswith("`breakeven tieout --from 2026-11-11 --to 2026-11-17`")


def test_a_service_that_was_silent_while_nobody_looked_is_let_go() -> None:
    hours = Hours("default", ZoneInfo("UTC"), END)
    (gone,) = find(Look(END, hours, False), AlertsConfig(), {(Rule.SILENT, "worker"): Known(is_firing=True)})
    assert (gone.over, gone.headline) == (True, "worker: nothing ($0) is left of what was told as silent")


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_what_was_apart_is_let_go_once_no_bill_comes_any_more(is_forgotten: bool) -> None:
    last = END.date() - 3 * DAY
    days = [BilledDay("openai", last - n * DAY, 900.0, 360.0) for n in range(8)]
    config = AlertsConfig({rule: replace(one, enabled=rule is Rule.APART) for rule, one in DEFAULTS.items()})
    states: dict[Key, State] = {}
    told: list[tuple[int, Change, str]] = []
    for n in range(20):
        at = END + n * DAY + 2 * HOUR
        billed = [] if is_forgotten and n > 11 else days
        found = find(Look(at, Hours("default", ZoneInfo("UTC"), END), True, billed=billed), config, known_of(states))
        for one in move(states, found, at, config):
            states[one.key] = one.after
            told += [(n, one.telling.change, one.condition.headline)] if one.telling else []
    over = (
        "openai: nothing ($0) is left of what was told as apart"
        if is_forgotten
        else "openai: no bill ($0) of the days after 17 Nov was imported, so nobody can say whether it differs from "
        "what is seen"
    )
    assert told == [(1, Change.FIRING, told[0][2]), (12, Change.RESOLVED, over)]


def test_models_without_a_price_and_decisions_due_are_told_where_that_is_on(
    filled: Pipeline, hours: dict[str, Hours]
) -> None:
    (event,) = look(filled, hours, END + 2 * HOUR, Rule.UNPRICED)
    assert event.subject == "openai/nobody-knows"
    assert event.headline.startswith("openai/nobody-knows has no price: 1 calls, about $")
    (event,) = look(filled, hours, END + 2 * HOUR, Rule.DECISIONS_DUE)
    assert event.headline.startswith(
        "The decision on steady (stay, $480 in 30 days) is to be looked at again: its day came"
    )


def test_crossed_and_approaching_are_told_by_the_verdicts_own_break_even(
    filled: Pipeline, hours: dict[str, Hours]
) -> None:
    day = END.date()
    crossed = decided("steady", day, 20_500.0)
    soon = decided(
        "growing", day, 18_000.0, on=day + 40 * DAY, low_on=day + 30 * DAY, high_on=day + 60 * DAY,
        probability_90_days=0.95,
    )  # fmt: skip
    later = decided("cached", day, 9_000.0, probability_90_days=0.2)
    at = END + 2 * HOUR
    events = look(filled, hours, at, Rule.CROSSED, Rule.APPROACHING, verdicts=(crossed, soon, later))
    assert [(one.rule, one.subject, one.headline) for one in events] == [
        (
            Rule.CROSSED,
            "steady",
            "steady cost $20.5k for live calls in the 30 days to 19 Nov: above its break-even, $20.0k",
        ),
        (
            Rule.APPROACHING,
            "growing",
            "growing will pass its break-even of $20.0k around 30 Dec (20 Dec to 19 Jan in 8 of 10 cases): it cost "
            "$18.0k for live calls in the 30 days to 19 Nov",
        ),
    ]
    assert events[1].figure.on == day + 40 * DAY
    assert [(one.what, one.detail) for one in events[0].why] == [("model", "gpt-4o: 100% of it")]
    assert events[0].next_step == "Look again. The verdict: Stay."
    (band,) = look(filled, hours, at, Rule.BAND, verdicts=(later,))
    assert band.headline == "cached cost $9.0k for live calls in the 30 days to 19 Nov: above the band of $5.0k"


def test_a_verdict_is_told_once_it_is_another_one_twice_in_a_row(filled: Pipeline, hours: dict[str, Hours]) -> None:
    rules = config_of(filled, Rule.VERDICT)
    rules = AlertsConfig({**rules.rules, Rule.VERDICT: replace(rules.rules[Rule.VERDICT], min_hours=20.0)})
    told: list[tuple[int, str]] = []
    for n, code in enumerate(
        ["STAY", "HYBRID", "STAY", "HYBRID", "HYBRID", "HYBRID", "STAY", "INSUFFICIENT_DATA", "STAY"]
    ):
        at = END - (10 - n) * DAY + 2 * HOUR
        verdict = decided("noisy", at.date(), 30_000.0, code=code, sentence=f"{code.capitalize()} it.")
        outcome = evaluator(filled, verdict).run(at, rules, is_daily=True, hours=hours)
        told += [(n, one.headline) for one in outcome.events if one.subject == "noisy"]
    assert told == [
        (4, "The verdict on noisy is another one ($30.0k for live calls in the 30 days to 13 Nov): Hybrid it."),
        (8, "The verdict on noisy is another one ($30.0k for live calls in the 30 days to 17 Nov): Stay it."),
    ]


def test_the_real_verdicts_are_what_is_looked_at(filled: Pipeline, hours: dict[str, Hours]) -> None:
    rules = config_of(filled, Rule.CROSSED, Rule.VERDICT, Rule.BAND, min_usd=0.0)
    outcome = evaluator(filled, real=True).run(END + 2 * HOUR, rules, is_daily=True, hours=hours, dry_run=True)
    assert outcome.errors == []
    assert [(one.rule, one.subject) for one in outcome.events] == [(Rule.BAND, "cached")]
    assert outcome.events[0].headline.startswith("cached cost $8.0k for live calls in the 30 days")
    # A moment of the past leaves no verdict behind.
    assert filled.store.rows("SELECT count() AS n FROM verdicts")[0]["n"] == 0


def test_a_broken_file_another_budget_and_a_rule_that_is_off_take_nothing_back(
    filled: Pipeline, hours: dict[str, Hours]
) -> None:
    file, config = filled.settings.config, config_of(filled, Rule.BUDGET)
    at = END - DAY + 2 * HOUR

    def told(text: str, hours_on: int, by: Evaluator) -> list[tuple[Change, str]]:
        file.write_text(text, encoding="utf-8")
        outcome = by.run(at + hours_on * HOUR, config, is_daily=True, hours=hours)
        assert all("is broken" in one for one in outcome.errors)
        return [(one.change, one.headline) for one in outcome.events]

    runs, broken = evaluator(filled), CONFIG.replace("1300", '"1300"')
    try:
        ((change, _),) = told(CONFIG, 0, runs)
        assert change is Change.FIRING
        # The one that runs knows the last budgets; one that has just started knows none.
        assert told(broken, 1, runs) == told(broken, 2, evaluator(filled)) == []
        ((change, headline),) = told(CONFIG.replace("1300", "9000"), 3, runs)
        assert (change, headline.split(":")[0]) == (Change.RESOLVED, "steady stays within its budget of $9.0k")
        told(CONFIG, 4, runs)
        none = CONFIG.replace("budget_usd_per_month = 1300", "")
        assert told(none, 5, runs) == [(Change.RESOLVED, "steady has no budget in dollars any more")]
        told(CONFIG, 6, runs)
        # A rule that is off fires no more, and says nothing.
        assert [one["rule"] for one in list_alerts(filled.store, None, at)] == ["budget"]
        hours_on = at + 7 * HOUR
        assert runs.run(hours_on, config_of(filled, Rule.APART), is_daily=False, hours=hours).events == []
        assert list_alerts(filled.store, None, at) == []
    finally:
        file.write_text(CONFIG, encoding="utf-8")


def test_what_each_rule_finds_is_taken_by_slack_as_it_was_found(filled: Pipeline, hours: dict[str, Hours]) -> None:
    day, at = END.date(), END + 2 * HOUR
    crossed = decided("steady", day, 20_500.0)
    soon = decided(
        "growing", day, 18_000.0, on=day + 40 * DAY, low_on=day + 30 * DAY, high_on=day + 60 * DAY,
        probability_90_days=0.95,
    )  # fmt: skip
    rules = set(Rule) - {Rule.JUMP, Rule.SILENT, Rule.VERDICT}
    found = [
        *look(filled, hours, NOON + HOUR, Rule.JUMP),
        *look(filled, hours, END - 4 * HOUR, Rule.SILENT),
        *look(filled, hours, at, *rules, verdicts=(crossed, soon)),
    ]
    for n, code in enumerate(("STAY", "HYBRID")):
        verdict = decided("turning", day, 30_000.0, code=code, sentence=f"{code}.")
        config = config_of(filled, Rule.VERDICT)
        found += evaluator(filled, verdict).run(at + n * HOUR, config, is_daily=True, hours=hours).events
    assert {one.rule for one in found} == set(Rule)
    with Slack() as slack:
        channel = Channel("costs", Kind.SLACK_WEBHOOK, SecretStr(slack.webhook_url))
        delivery = Delivery(filled.store, [channel], links=Links("https://b.example"), sleep=lambda _seconds: None)
        for n, event in enumerate(found):
            tell(filled.store, replace(event, id=f"taken-{n}"), kept_at=END + DAY)
            delivery.deliver(END + DAY)
    assert slack.refused == []
    told = "\n".join(unescape(one.whole) for one in slack.received)
    assert [one.headline for one in found if one.headline not in told] == []
