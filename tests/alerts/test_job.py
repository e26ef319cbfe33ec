"""The job of a running collector, the digest, and the commands over a small store."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from breakeven_collector.alerts.documents import read_digest
from breakeven_collector.alerts.events import Event
from breakeven_collector.alerts.job import AlertsJob
from breakeven_collector.alerts.log import AlertLog
from breakeven_collector.alerts.service import history, list_alerts, snooze
from breakeven_collector.alerts.sources import Stopped
from breakeven_collector.cli import app
from breakeven_collector.erase import Whom, erase
from breakeven_collector.errors import BadRequest, ConfigError
from breakeven_collector.ledger import Ledger
from breakeven_collector.serve import Collector
from breakeven_collector.store import Store
from typer.testing import CliRunner

from tests.alerts.traffic import DAY, HOUR, decided, hourly, send
from tests.collector.client import JSON, Client
from tests.conftest import quick_settings

START = datetime(2026, 11, 2, tzinfo=UTC)
"""A Monday."""
MONDAY = START + 14 * DAY
JUMP = MONDAY - DAY + 12 * HOUR
CONFIG = "[features.search]\nowner = 'ann'\nbudget_usd_per_month = 900\n[alerts.rules]\nsilent.enabled = false\n"


def no_verdicts(_project: str | None, at: datetime, _keep: bool) -> list[Any]:
    return [
        replace(
            decided("search", at.date(), 900.0),
            saves_usd=200.0,
            threshold_usd=1000.0,
            on=at.date() + 9 * DAY,
            probability_90_days=0.9,
        ),
        decided("dear", at.date(), 30_000.0, threshold_usd=None),
    ]


@pytest.fixture(scope="module")
def collector(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    dsn = f"chdb://{engine_folder}?database=jobs_{uuid4().hex[:8]}"
    settings = quick_settings(dsn, tmp_path_factory.mktemp("jobs"))
    settings.config.write_text(CONFIG, encoding="utf-8")
    with Collector(settings) as collector:
        send(collector.pipeline, hourly("search", START, 14 * 24 + 12))
        loop = {"breakeven.tenant": "acme"}
        send(collector.pipeline, hourly("search", JUMP, 1, usd=60.0, calls=30, attributes=loop))
        collector.pipeline.drain()
        yield collector


@pytest.fixture
def store(collector: Collector) -> Store:
    return collector.pipeline.store


def job_of(collector: Collector, told: list[datetime] | None = None) -> AlertsJob:
    deliver = (told if told is not None else []).append
    config = collector.pipeline.settings.config
    return AlertsJob(collector.pipeline.store, config, "UTC", verdicts=no_verdicts, deliver=deliver)


@pytest.fixture(scope="module")
def looked(collector: Collector) -> list[Event]:
    """After a job that ran from Sunday noon to Monday morning, was away for some hours, and came back."""
    job = job_of(collector)
    events: list[Event] = []
    for at in (JUMP + HOUR, JUMP + HOUR + timedelta(minutes=20), JUMP + 2 * HOUR, MONDAY + 9 * HOUR):
        for outcome in job.keep_up(at + timedelta(minutes=6)):
            assert outcome.errors == []
            events += outcome.events
    return events


def test_each_hour_is_looked_at_once_also_those_of_an_outage(collector: Collector, looked: list[Event]) -> None:
    headlines = [one.headline for one in looked if one.rule == "jump"]
    assert headlines[0] == "search cost $62 in the hour from 12:00 on 15 Nov, $60 more than usual"
    assert headlines[1].startswith("search costs as usual again: $6 in the 3 hours to")
    rows = collector.pipeline.store.rows("SELECT kind, count() AS n, uniqExact(at) AS at FROM alert_runs GROUP BY kind")
    ran = {row["kind"]: (row["n"], row["at"]) for row in rows}
    assert ran == {"hourly": (21, 21), "daily": (2, 2), "weekly": (1, 1)}
    # Another collector of the store finds nothing left to do.
    other = job_of(collector)
    assert other.keep_up(MONDAY + 9 * HOUR + timedelta(minutes=7)) == []
    assert len(history(collector.pipeline.store, None, 100)) == len(looked) + 1


def test_an_hour_is_looked_at_once_it_has_settled(collector: Collector, looked: list[Event]) -> None:
    assert looked
    assert job_of(collector).keep_up(MONDAY + 10 * HOUR + timedelta(minutes=4)) == []


def test_on_monday_there_is_a_digest_of_the_week(store: Store, looked: list[Event]) -> None:
    assert looked
    (row,) = store.rows("SELECT * FROM alert_events WHERE rule = 'digest'")
    digest = read_digest(row["document"])
    assert (digest.id, digest.headline) == (row["id"], "$396 from 9 Nov to 15 Nov, +18% against the week before")
    sections = {one.title: [(line.name, line.text) for line in one.lines] for one in digest.sections}
    assert list(sections) == [
        "Bill against budget",
        "What moved",
        "Who drives it",
        "About to pass the break-even",
        "Bands passed",
        "Savings open",
    ]
    assert sections["Bands passed"] == [
        ("dear", "$30.0k for live calls in the 30 days to 15 Nov, above the band of $20.0k")
    ]
    assert sections["What moved"] == [("search", "+$60 to $396: volume +$60 (calls 168 → 198)")]
    assert sections["Who drives it"] == [("search", "$396, 100% of the bill, 100% with those above")]
    assert sections["Savings open"] == [("search", "$200 a month: Stay.")]
    assert sections["Bill against budget"][0] == ("week", "$396, $336 the week before")
    assert not AlertLog(store).add_digest(digest, MONDAY)


def test_what_was_told_and_forecast_stands_in_the_store(store: Store, looked: list[Event]) -> None:
    assert {one.rule for one in looked} == {"jump"}
    # Held for a night only: to be told tomorrow.
    rows = list_alerts(store, None, MONDAY)
    assert [(row["rule"], row["subject"], row["state"], row["usd"]) for row in rows] == [
        ("approaching", "search", "pending", 900.0)
    ]
    rows = store.rows("SELECT feature, so_far_usd, budget_usd, reason FROM forecasts_now ORDER BY feature")
    assert [(row["feature"], row["budget_usd"] and int(row["budget_usd"])) for row in rows] == [
        ("", None),
        ("search", 900),
    ]
    assert rows[1]["so_far_usd"] == pytest.approx(732.0)
    assert rows[1]["reason"] == "14 days of spend; a date needs 28"


def test_a_job_that_is_told_to_stop_does_so_at_once(collector: Collector) -> None:
    job = job_of(collector)
    job.start()
    begun = time.monotonic()
    job.close()
    assert time.monotonic() - begun < 20


def test_what_is_wrong_in_the_file_is_said_before_the_next_look(collector: Collector, looked: list[Event]) -> None:
    assert looked
    job, config = job_of(collector), collector.pipeline.settings.config
    assert job.error == ""
    config.write_text(f"{CONFIG}jmp.enabled = false\n", encoding="utf-8")
    assert "jmp" in job.error
    config.write_text(CONFIG, encoding="utf-8")
    assert job.error == ""


def test_a_job_that_starts_with_a_broken_file_looks_at_nothing_and_later_at_what_it_missed(
    collector: Collector, looked: list[Event]
) -> None:
    assert looked
    config, runs = collector.pipeline.settings.config, "SELECT count() AS n FROM alert_runs"
    before, at = collector.pipeline.store.rows(runs), MONDAY + 11 * HOUR + timedelta(minutes=6)
    config.write_text(f"{CONFIG}jmp.enabled = false\n", encoding="utf-8")
    try:
        job = job_of(collector)
        for look in (lambda: job.keep_up(at), job.run_once):
            with pytest.raises(ConfigError, match="unknown key 'jmp'"):
                look()
        answer = Client(collector.url).send("POST", "/api/alerts/run", b'{"dry_run": true}', JSON)
        # The one that runs knows what the file said before.
        assert answer.status == 200, answer
        assert collector.pipeline.store.rows(runs) == before
    finally:
        config.write_text(CONFIG, encoding="utf-8")
    assert [one.at for one in job.keep_up(at)] == [MONDAY + 10 * HOUR, MONDAY + 11 * HOUR]


def test_a_collector_that_stops_ends_a_long_look_on_demand(
    engine_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, answers = threading.Event(), list[int]()
    with Collector(quick_settings(f"chdb://{engine_folder}?database=stops_{uuid4().hex[:8]}", tmp_path)) as running:
        job = running.pipeline.alerts

        def long_look(_at: datetime | None, *, dry_run: bool) -> None:
            begun.set()
            assert dry_run
            assert job.stop.wait(20)
            raise Stopped

        monkeypatch.setattr(job, "run_once", long_look)

        def ask() -> None:
            answers.append(Client(running.url).send("POST", "/api/alerts/run", b'{"dry_run": true}', JSON).status)

        asking = threading.Thread(target=ask)
        asking.start()
        assert begun.wait(10)
        begins = time.monotonic()
    assert time.monotonic() - begins < 10
    asking.join(10)
    assert answers == [503]


def test_a_snooze_that_cannot_be_is_refused_with_what_to_write(store: Store) -> None:
    now = MONDAY
    with pytest.raises(BadRequest, match="rule 'jmp': write one of crossed, approaching"):
        snooze(store, "", "jmp", None, now + DAY, "", now)
    with pytest.raises(BadRequest, match=r"set enabled = false under \[alerts\.rules\.jump\]"):
        snooze(store, "", "jump", None, now + 400 * DAY, "", now)
    with pytest.raises(BadRequest, match="up to 500 characters"):
        snooze(store, "", "jump", "x" * 501, now + DAY, "", now)


@pytest.mark.parametrize(
    ("rule", "subject", "project", "unseen"),
    [
        ("jump", "search", "default", None),
        ("jump", None, "", None),
        ("budget", "", "default", None),
        ("silent", "api", "", None),
        ("apart", "openai", "", None),
        ("unpriced", "openai/gpt-4o", "", None),
        ("jump", "serach", "", "no call is of a feature 'serach' yet; did you mean 'search'?"),
        ("silent", "search", "", "no call is of a service 'search' yet"),
        ("jump", None, "nosuch", "there is no call in project 'nosuch' yet"),
    ],
)
def test_a_snooze_of_what_nobody_has_says_so(
    store: Store, rule: str, subject: str | None, project: str, unseen: str | None
) -> None:
    now = MONDAY - 14 * DAY
    assert snooze(store, project, rule, subject, now + HOUR, "", now)["unseen"] == unseen


def test_who_ends_a_snooze_hears_of_a_wider_one(collector: Collector) -> None:
    client, now = Client(collector.url), datetime.now(UTC)

    def ask(subject: str | None, until: str) -> str | None:
        body = json.dumps({"rule": "band", "subject": subject, "until": until}).encode()
        answer = client.send("POST", "/api/alerts/snooze", body, JSON)
        assert answer.status == 200, answer
        return json.loads(answer.body)["held_until"]

    tomorrow = (now + DAY).isoformat()
    assert ask(None, tomorrow) is None
    assert ask("search", "0001-01-01T00:00:00+14:00") == tomorrow.replace("+00:00", "Z")
    assert ask(None, now.isoformat()) is None
    assert ask("search", now.isoformat()) is None


def test_a_look_on_demand_over_http_says_what_would_have_been_told(collector: Collector, looked: list[Event]) -> None:
    client = Client(collector.url)

    def run(**body: Any) -> tuple[int, dict[str, Any]]:
        answer = client.send("POST", "/api/alerts/run", json.dumps(body).encode(), JSON)
        return answer.status, json.loads(answer.body)

    status, found = run(**{"from": (JUMP - HOUR).isoformat(), "to": (JUMP + 6 * HOUR).isoformat()})
    assert status == 200
    told = [(one["rule"], one["change"], one["headline"]) for one in found["events"] if one["rule"] == "jump"]
    assert told == [(one.rule, one.change, one.headline) for one in looked if one.rule == "jump"][: len(told)]
    assert len(told) == 2
    assert found["dry_run"] is True
    assert run(at="2026-11-15T13:00:00")[0] == 422
    assert run(at=(JUMP + HOUR).isoformat(), to=JUMP.isoformat())[1]["message"] == "a moment, or from and to: not both"
    assert run(at="0001-01-01T00:00:00Z")[1]["message"] == (
        "0001-01-01 is before 2020, and no call is that old: write a later time"
    )
    assert run(at="2100-01-01T00:00:00Z")[1]["message"].endswith("is ahead: write a time that is over")


def test_a_moment_of_the_past_tells_all_that_held_whatever_is_known_or_snoozed_since(
    collector: Collector, looked: list[Event]
) -> None:
    store, now = collector.pipeline.store, datetime.now(UTC)
    snooze(store, "default", "jump", None, now + HOUR, "Ann", now)
    told = {one.rule for one in job_of(collector).run_once(JUMP + HOUR).events}
    snooze(store, "default", "jump", None, now, "Ann", now + timedelta(seconds=1))
    assert looked
    assert {"jump", "approaching"} <= told


@pytest.fixture
def cli(engine_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    dsn = f"chdb://{engine_folder}?database=cli_{uuid4().hex[:8]}"
    for name, value in (("STORE", dsn), ("DATA_DIR", str(tmp_path)), ("PORT", "0")):
        monkeypatch.setenv(f"BREAKEVEN_{name}", value)

    def invoke(*words: str) -> Any:
        return CliRunner().invoke(app, ["alerts", *words])

    return invoke


def test_the_commands_work_on_the_store_where_no_collector_runs(cli: Any) -> None:
    assert cli("list").output == "Nothing fires. `breakeven alerts history` says what was told.\n"
    assert cli("history").output.startswith("Nothing was told yet.")
    snoozed = cli("snooze", "jump", "--subject", "search", "--until", "3d", "--format", "json")
    assert json.loads(snoozed.output)["subject"] == "search"
    snoozed = cli("snooze", "jump", "--subject", "search", "--until", "1d", "--project", "nosuch")
    unseen, held = snoozed.stderr.splitlines()
    assert unseen == "Note: there is no call in project 'nosuch' yet"
    assert held.endswith("all the same, by a snooze of all of the rule or of all projects")
    assert cli("list", "--project", "nosuch").output.startswith("Nothing fires in project 'nosuch'. ")
    assert cli("snooze", "apart", "--until", "now").output == "Heard again: all of apart\n"
    assert cli("run", "--once", "--dry-run").output == "Nothing to tell.\n"
    assert cli("run", "--days", "3").output.endswith("Nothing to tell.\n")
    assert "say which: --once for now" in cli("run").output
    for words in ("yesterday", "", "0001-01-01T00:00+01:00"):
        assert f"{words!r} is no time" in cli("run", "--at", words).output
    assert "timezone 'Mars' is not known" in cli("list", "--timezone", "Mars").output
    assert "--dry-run goes with --once" in cli("run", "--days", "3", "--dry-run").output


def test_a_look_on_demand_is_printed_as_a_table(collector: Collector, looked: list[Event]) -> None:
    assert looked
    shown = CliRunner().invoke(
        app,
        ["alerts", "run", "--url", collector.url, "--from", "2026-11-15T12:00Z", "--to", "2026-11-15T14:00Z"],
    )  # fmt: skip
    text = " ".join(shown.output.split())
    assert "2026-11-15 13:00 jump search firing search cost $62 in the hour from 12:00 on 15 Nov" in text
    assert "volume: calls 1 → 31" in text


def test_erasing_a_tenant_takes_the_name_out_of_what_was_told(
    store: Store, looked: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    # That parts which are replaced leave the disk is another test's.
    monkeypatch.setattr("breakeven_collector.erase._OLD_PARTS_SECONDS", 0.0)
    assert any(one.detail.startswith("acme: ") for event in looked for one in event.why)
    erase(store, Ledger(store), Whom("tenant", "acme"), files=[], progress=lambda _: None)
    texts = store.rows("SELECT document AS text FROM alert_events UNION ALL SELECT event AS text FROM alert_states")
    assert [row for row in texts if "acme" in row["text"]] == []
    assert [row for row in texts if "a tenant that was erased: 100% of the rise" in row["text"]] != []
