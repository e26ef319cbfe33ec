"""Delivery: each event once on each channel, whatever Slack and the network do; what failed for good is written down."""

import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from breakeven_collector.alerts.channels import Channel, Kind
from breakeven_collector.alerts.delivery import MOST_TRIES, Delivery
from breakeven_collector.alerts.events import Change, Digest, Event
from breakeven_collector.alerts.job import AlertsJob
from breakeven_collector.alerts.messages import Links
from breakeven_collector.alerts.outbox import Outbox, channel_states, list_deliveries, utc
from breakeven_collector.alerts.senders import SIGNATURE
from breakeven_collector.alerts.to_channels import ToChannels
from breakeven_collector.store import Store
from pydantic import SecretStr

from tests.alerts.json_server import JsonServer
from tests.alerts.slack_server import CONVERSATION, TOKEN, Slack, pings
from tests.alerts.things_to_tell import CROSSED, DIGEST, NOW, tell

LINKS = Links("https://breakeven.example.com")
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def store(engine_folder: Any) -> Iterator[Store]:
    store = Store(f"chdb://{engine_folder}?database=delivery_{uuid4().hex[:8]}").open()
    yield store
    store.close()


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack() as slack:
        yield slack


class Desk:
    """One project's events, one channel of its own, and one Slack."""

    def __init__(self, store: Store, slack: Slack, project: str) -> None:
        self.store, self.slack, self.project = store, slack, project
        self.slept: list[float] = []
        self.hook = Channel(f"hook-{project}", Kind.SLACK_WEBHOOK, SecretStr(slack.webhook_url), projects=(project,))
        self.bot = Channel(
            f"bot-{project}",
            Kind.SLACK_BOT,
            SecretStr(TOKEN),
            post_to="#costs",
            api_url=slack.api_url,
            projects=(project,),
        )

    def event(self, id: str, **changes: Any) -> Event:
        if "usd" in changes:
            changes["figure"] = replace(CROSSED.figure, usd=float(changes.pop("usd")))
        changes = {"subject": id, "headline": f"{id} rose", "owner": "", **changes}
        return replace(CROSSED, id=f"{self.project}-{id}", project=self.project, **changes)

    def tell(self, *things: Event | Digest, kept_at: datetime = NOW) -> None:
        tell(self.store, *things, kept_at=kept_at)

    def delivery(self, *channels: Channel, stop: threading.Event | None = None) -> Delivery:
        """Of another process, as far as the store can see."""
        return Delivery(self.store, channels, links=LINKS, sleep=self.slept.append, stop=stop)

    def steps(self, channel: Channel) -> list[tuple[str, str, int, str]]:
        """What became of each event, by its id."""
        rows = list_deliveries(self.store, self.project, 1000)
        return sorted(
            (row["event_id"].removeprefix(f"{self.project}-"), row["state"], row["tries"], row["error"])
            for row in rows
            if row["channel"] == channel.name
        )

    @property
    def told(self) -> list[str]:
        """First line of each message that Slack took."""
        return [one.text.splitlines()[0] for one in self.slack.received]


@pytest.fixture
def desk(store: Store, slack: Slack, project: str) -> Desk:
    return Desk(store, slack, project)


def test_an_event_is_told_once_and_so_it_is_after_a_restart(desk: Desk) -> None:
    desk.tell(desk.event("a"))
    delivery = desk.delivery(desk.hook)
    for minutes in range(3):
        delivery.deliver(NOW + minutes * MINUTE)
    desk.delivery(desk.hook).deliver(NOW + timedelta(hours=20))
    assert desk.told == ["Break-even crossed: a rose"]
    assert desk.steps(desk.hook) == [("a", "sent", 1, "")]
    assert desk.slack.refused == []
    assert pings(desk.slack.received[0]) == []


def test_several_at_once_are_one_message_of_each_owner_and_a_second_lies_between_messages(desk: Desk) -> None:
    desk.tell(*(desk.event(f"a{n}", owner="support") for n in range(3)), desk.event("b", owner="search"))
    desk.delivery(desk.hook).deliver(NOW)
    assert sorted(desk.told) == ["Break-even crossed: b rose", "🔴 3 alerts: a0 rose"]
    assert desk.slept == [1.0]
    assert [step[1] for step in desk.steps(desk.hook)] == ["sent"] * 4


def test_updates_stand_in_the_thread_of_the_first_message(desk: Desk) -> None:
    first, other = desk.event("a"), desk.event("b", subject="other")
    desk.tell(first, other)
    delivery = desk.delivery(desk.bot)
    delivery.deliver(NOW)
    still = replace(first, id=f"{first.id}-still", change=Change.STILL, at=NOW + 60 * MINUTE)
    resolved = replace(other, id=f"{other.id}-over", change=Change.RESOLVED, at=NOW + 70 * MINUTE)
    desk.tell(still, kept_at=still.at)
    delivery.deliver(still.at)
    desk.tell(resolved, kept_at=resolved.at)
    # After a restart too.
    desk.delivery(desk.bot).deliver(resolved.at)
    root = desk.slack.received[0].ts
    # A reminder is shown in the conversation too, for in the thread it reminds nobody.
    assert [(one.thread_ts, one.broadcast) for one in desk.slack.received] == [("", False), (root, True), (root, False)]
    assert "since 24 Nov 2026, 09:00 UTC" in desk.slack.received[1].whole
    (row,) = desk.store.rows(
        "SELECT DISTINCT posted_to FROM alert_deliveries WHERE channel = {c:String} AND state = 'sent'",
        {"c": desk.bot.name},
    )
    assert row["posted_to"] == CONVERSATION


def test_another_firing_of_the_same_begins_a_thread_of_its_own(desk: Desk) -> None:
    first = desk.event("a")
    desk.tell(first)
    desk.delivery(desk.bot).deliver(NOW)
    again = replace(first, id=f"{first.id}-2", since=NOW, at=NOW + MINUTE)
    desk.tell(again)
    desk.delivery(desk.bot).deliver(NOW + 2 * MINUTE)
    assert [one.thread_ts for one in desk.slack.received] == ["", ""]


def test_an_update_whose_first_message_is_gone_stands_by_itself(desk: Desk) -> None:
    first = desk.event("a")
    desk.tell(first)
    desk.delivery(desk.bot).deliver(NOW)
    desk.slack.received.clear()
    desk.tell(replace(first, id=f"{first.id}-over", change=Change.RESOLVED))
    desk.delivery(desk.bot).deliver(NOW + MINUTE)
    (one,) = desk.slack.received
    assert one.thread_ts == ""
    assert "about the alert of 24 Nov 2026, 09:00 UTC" in one.whole


def test_a_webhook_knows_no_threads_so_an_update_says_what_it_is_about(desk: Desk) -> None:
    first = desk.event("a")
    desk.tell(first)
    desk.delivery(desk.hook).deliver(NOW)
    desk.tell(replace(first, id=f"{first.id}-over", change=Change.CORRECTED))
    desk.delivery(desk.hook).deliver(NOW + MINUTE)
    assert "about the alert of 24 Nov 2026, 09:00 UTC" in desk.slack.received[1].whole


def test_a_digest_is_a_message_of_its_own(desk: Desk) -> None:
    desk.tell(desk.event("a"), replace(DIGEST, id=f"{desk.project}-week", project=desk.project))
    desk.delivery(desk.bot).deliver(NOW)
    assert sorted(desk.told) == [
        "Break-even crossed: a rose",
        "The week from 16 Nov to 22 Nov 2026: $48,210 in the week, 12 % more than the one before",
    ]


@pytest.mark.parametrize("kind", ["hook", "bot"])
def test_what_slack_has_no_time_for_waits_as_long_as_it_says(desk: Desk, kind: str) -> None:
    channel: Channel = getattr(desk, kind)
    desk.tell(desk.event("a"))
    desk.slack.rate_limit(90)
    desk.delivery(channel).deliver(NOW)
    assert desk.steps(channel) == [("a", "failed", 1, "rate_limited")]
    # The channel waits as a whole, and a restart forgets nothing.
    desk.tell(desk.event("b"), kept_at=NOW + MINUTE)
    desk.delivery(channel).deliver(NOW + timedelta(seconds=80))
    assert desk.slack.tries == 1
    desk.delivery(channel).deliver(NOW + timedelta(seconds=95))
    assert desk.slack.tries == 2
    assert desk.steps(channel) == [("a", "sent", 2, ""), ("b", "sent", 1, "")]


def test_a_receiver_that_fails_is_tried_less_and_less_often_and_not_for_ever(desk: Desk) -> None:
    desk.tell(desk.event("a"))
    delivery = desk.delivery(desk.hook)
    at, waits = NOW, list[float]()
    for tries in range(1, MOST_TRIES + 1):
        desk.slack.answer(503)
        if tries > 1:
            delivery.deliver(at - timedelta(seconds=15))
            assert desk.slack.tries == tries - 1
        delivery.deliver(at)
        (row,) = list_deliveries(desk.store, desk.project, 10)
        assert (desk.slack.tries, row["tries"], row["error"]) == (tries, tries, "http_503")
        if row["retry_at"]:
            waits.append(round((utc(row["retry_at"]) - at).total_seconds()))
            at = utc(row["retry_at"])
    assert desk.steps(desk.hook) == [("a", "given_up", MOST_TRIES, "http_503")]
    # What a try takes comes on top.
    expected = [30, 60, 120, 240, 480, 960, *[1800] * 13]
    assert [0 <= wait - least < 10 for wait, least in zip(waits, expected, strict=True)] == [True] * 19
    delivery.deliver(NOW + timedelta(hours=23))
    assert (desk.slack.tries, desk.slack.received) == (MOST_TRIES, [])


def test_a_network_that_is_away_is_no_reason_to_forget(desk: Desk) -> None:
    desk.tell(desk.event("a"))
    away = replace(desk.hook, secret=SecretStr("http://127.0.0.1:9/services/none"))
    desk.delivery(away).deliver(NOW)
    assert desk.steps(desk.hook) == [("a", "failed", 1, "unreachable")]
    desk.delivery(desk.hook).deliver(NOW + MINUTE)
    assert desk.steps(desk.hook) == [("a", "sent", 2, "")]


def test_what_could_not_be_told_within_a_day_is_given_up_and_said_to_be(desk: Desk) -> None:
    desk.tell(desk.event("a"), desk.event("b"))
    desk.slack.answer(500)
    desk.delivery(desk.hook).deliver(NOW)
    # Found while the channel had to wait, and never tried.
    desk.tell(desk.event("c", at=NOW + timedelta(seconds=9)), kept_at=NOW + timedelta(seconds=9))
    # What happened before there was a channel is not its business.
    desk.tell(desk.event("old", at=NOW - timedelta(days=3)), kept_at=NOW - timedelta(days=3))
    desk.delivery(desk.hook).deliver(NOW + timedelta(hours=25))
    assert desk.steps(desk.hook) == [
        ("a", "given_up", 2, "too_old"),
        ("b", "given_up", 2, "too_old"),
        ("c", "given_up", 1, "too_old"),
    ]
    assert desk.slack.received == []


@pytest.mark.parametrize(
    ("kind", "status", "word"),
    [
        ("hook", 403, "action_prohibited"),
        ("hook", 404, "no_service"),
        ("hook", 404, "channel_not_found"),
        ("hook", 410, "channel_is_archived"),
        ("hook", 400, "invalid_payload"),
        ("hook", 200, "<html>sign in</html>"),
        ("hook", 302, ""),
        ("bot", 200, "invalid_auth"),
        ("bot", 200, "channel_not_found"),
        ("bot", 200, "is_archived"),
        ("bot", 401, "not_authed"),
    ],
)
def test_what_no_retry_mends_is_not_tried_again(desk: Desk, kind: str, status: int, word: str) -> None:
    channel: Channel = getattr(desk, kind)
    desk.tell(desk.event("a"))
    desk.slack.answer(status, word)
    delivery = desk.delivery(channel)
    delivery.deliver(NOW)
    delivery.deliver(NOW + 60 * MINUTE)
    code = {"<html>sign in</html>": "unexpected_answer", "": "http_302"}.get(word, word)
    assert desk.slack.tries == 1
    assert desk.steps(channel) == [("a", "given_up", 1, code)]
    assert channel_states(desk.store)[channel.name] == {"state": "given_up", "error": code}
    # What comes later is tried: the channel may have been mended.
    desk.tell(desk.event("b"), kept_at=NOW + 61 * MINUTE)
    delivery.deliver(NOW + 61 * MINUTE)
    assert ("b", "sent", 1, "") in desk.steps(channel)


def test_a_wrong_token_and_a_wrong_conversation_are_told_apart(desk: Desk) -> None:
    desk.tell(desk.event("a"))
    token = replace(desk.bot, name=f"token-{desk.project}", secret=SecretStr("xoxb-wrong"))
    nowhere = replace(desk.bot, name=f"nowhere-{desk.project}", post_to="C0NOWHERE")
    desk.delivery(token, nowhere).deliver(NOW)
    assert desk.steps(token) == [("a", "given_up", 1, "invalid_auth")]
    assert desk.steps(nowhere) == [("a", "given_up", 1, "channel_not_found")]


@pytest.mark.parametrize("kind", ["hook", "bot"])
def test_where_blocks_are_refused_the_text_is_sent_once(desk: Desk, kind: str) -> None:
    channel: Channel = getattr(desk, kind)
    desk.tell(desk.event("a"))
    desk.slack.answer(400 if kind == "hook" else 200, "invalid_blocks")
    desk.delivery(channel).deliver(NOW)
    (one,) = desk.slack.received
    assert (one.blocks, one.text.splitlines()[0]) == ([], "Break-even crossed: a rose")
    (row,) = list_deliveries(desk.store, desk.project, 10)
    assert (row["state"], row["form"]) == ("sent", "text")


def test_of_two_collectors_one_sends(desk: Desk) -> None:
    desk.tell(desk.event("a"), desk.event("b", owner="x"))
    one, other = Outbox(desk.store), Outbox(desk.store)
    name = desk.hook.name
    turns = [outbox.next_turn(name, NOW) for outbox in (one, other)]
    due = [d for d in one.due(name, NOW) if d.project == desk.project]
    assert turns == [1, 1]
    assert [outbox.claim(name, 1, due, NOW) for outbox in (one, other)] == [True, False]
    # Whoever comes now waits for the other to be done.
    desk.delivery(desk.hook).deliver(NOW + MINUTE)
    assert desk.slack.tries == 0


def test_many_collectors_at_once_tell_everything_once(desk: Desk) -> None:
    names = [f"e{n}" for n in range(6)]
    desk.tell(*(desk.event(name, owner=name) for name in names))
    failures: list[BaseException] = []

    def run() -> None:
        try:
            delivery = desk.delivery(desk.hook)
            for minutes in range(6):
                delivery.deliver(NOW + timedelta(seconds=minutes))
        except BaseException as error:  # noqa: BLE001  # it is told below
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(desk.told) == [f"Break-even crossed: {name} rose" for name in names]


def test_who_dies_between_claim_and_record_is_waited_for_and_then_the_message_is_sent(desk: Desk) -> None:
    desk.tell(desk.event("a"))
    dead = Outbox(desk.store)
    due = [d for d in dead.due(desk.hook.name, NOW) if d.project == desk.project]
    assert dead.claim(desk.hook.name, 1, due, NOW)
    desk.delivery(desk.hook).deliver(NOW + timedelta(seconds=100))
    assert desk.slack.tries == 0
    desk.delivery(desk.hook).deliver(NOW + timedelta(seconds=130))
    assert desk.steps(desk.hook) == [("a", "sent", 2, "")]


def test_sixty_days_with_outages_restarts_and_two_collectors_tell_each_thing_once(desk: Desk) -> None:
    random = Random(11)
    faults = (
        lambda: desk.slack.rate_limit(random.randint(1, 600)),
        lambda: desk.slack.answer(503),
        lambda: desk.slack.answer(200, "internal_error"),
    )
    collectors = [desk.delivery(desk.bot), desk.delivery(desk.bot)]
    wanted: list[str] = []
    firing: list[Event] = []
    for day in range(60):
        at = NOW + timedelta(days=day)
        told = [desk.event(f"e{day}.{n}", usd=n, at=at, since=at) for n in range(random.choice((0, 0, 0, 0, 5, 9)))]
        over = [firing.pop() for _ in range(min(len(firing), random.choice((0, 0, 0, 6))))]
        told += [replace(one, id=f"{one.id}.over", change=Change.RESOLVED, at=at) for one in over]
        firing += [one for one in told if one.change is Change.FIRING]
        told = [replace(one, headline=f"{one.id.removeprefix(desk.project)} happened") for one in told]
        desk.tell(*told, kept_at=at)
        wanted += [one.headline for one in told]
        is_killed = random.random() < 0.2
        for _ in range(random.randint(0, 1 if is_killed else 2)):
            random.choice(faults)()
        if is_killed:
            # Before it sent.
            dead = Outbox(desk.store)
            turn = dead.next_turn(desk.bot.name, at)
            due = [one for one in dead.due(desk.bot.name, at) if one.project == desk.project]
            if turn and due:
                dead.claim(desk.bot.name, turn, due[:2], at)
        # Each day leaves time for as many tries as it has disturbances.
        for minutes in (0, 30, 90) if told else ():
            if random.random() < 0.2:
                collectors[random.randint(0, 1)] = desk.delivery(desk.bot)
            for collector in random.sample(collectors, 1 if minutes else 2):
                collector.deliver(at + minutes * MINUTE)
        desk.slack.to_come.clear()
    heard = [text for one in desk.slack.received for text in one.whole.splitlines()]
    counts = [sum(headline in line for line in heard) for headline in wanted]
    assert len(wanted) > 100
    assert [(headline, count) for headline, count in zip(wanted, counts, strict=True) if count != 1] == []
    assert {step[1] for step in desk.steps(desk.bot)} == {"sent"}
    assert [why for one in desk.slack.received for why in pings(one)] == []
    assert desk.slack.refused == []


def test_nothing_is_sent_once_the_collector_stops(desk: Desk) -> None:
    desk.tell(*(desk.event(f"e{n}", owner=str(n)) for n in range(3)))
    stop = threading.Event()
    delivery = Delivery(desk.store, [desk.hook], sleep=lambda _: stop.set(), stop=stop)
    delivery.deliver(NOW)
    assert desk.slack.tries == 1
    desk.delivery(desk.hook).deliver(NOW + MINUTE)
    assert len(desk.slack.received) == 3


def test_a_channel_gets_what_it_asks_for(desk: Desk) -> None:
    desk.tell(
        desk.event("a", owner="support"),
        desk.event("b", owner="search"),
        replace(DIGEST, id=f"{desk.project}-week", project=desk.project),
    )
    channels = [
        replace(desk.hook, name=f"{name}-{desk.project}", **chosen)
        for name, chosen in {
            "support": {"owners": ("support",)},
            "digest": {"rules": ("digest",)},
            "jumps": {"rules": ("jump",)},
            "other": {"projects": ("other",)},
        }.items()
    ]
    desk.delivery(*channels).deliver(NOW)
    assert [[step[0] for step in desk.steps(channel)] for channel in channels] == [["a"], ["week"], [], []]


def test_a_row_that_cannot_be_read_is_given_up_and_holds_nothing_up(desk: Desk) -> None:
    desk.tell(desk.event("a"))
    columns = ("id", "project", "rule", "document", "at", "kept_at")
    desk.store.insert("alert_events", columns, [(f"{desk.project}-x", desk.project, "crossed", "{}", NOW, NOW)])
    desk.delivery(desk.hook).deliver(NOW)
    steps = desk.steps(desk.hook)
    assert ("x", "given_up", 1, "unreadable") in steps
    assert ("a", "sent", 1, "") in steps


def test_a_secret_is_nowhere_to_be_read(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    desk.tell(desk.event("a"))
    path = desk.slack.webhook_url.rsplit("/", 1)[1]
    broken = replace(desk.hook, name=f"x-{desk.project}", secret=SecretStr(f"http://127.0.0.1:9/{path}"))
    wrong = replace(desk.bot, name=f"w-{desk.project}", secret=SecretStr("xoxb-very-secret"))
    signing = Channel("j", Kind.WEBHOOK, SecretStr(f"{desk.slack.url}/{path}"), signing=SecretStr("signing-secret"))
    channels = (desk.hook, desk.bot, broken, wrong, replace(signing, projects=(desk.project,)))
    delivery = desk.delivery(*channels)
    delivery.deliver(NOW)
    kept = desk.store.rows("SELECT * FROM alert_deliveries WHERE project = {p:String}", {"p": desk.project})
    everything = f"{caplog.text} {channels!r} {kept}"
    assert len({row["channel"] for row in kept}) == 5
    assert "invalid_auth" in caplog.text
    for secret in (path, TOKEN, "xoxb-very-secret", "signing-secret"):
        assert secret not in everything


def test_a_webhook_gets_each_event_as_json_signed_and_nameable(desk: Desk) -> None:
    event = desk.event("a")
    digest = replace(DIGEST, id=f"{desk.project}-week", project=desk.project)
    desk.tell(event, desk.event("b"), digest)
    with JsonServer() as server:
        signing = SecretStr("hush")
        channel = Channel(
            f"json-{desk.project}", Kind.WEBHOOK, SecretStr(server.url), signing=signing, projects=(desk.project,)
        )
        server.statuses.append(500)
        delivery = desk.delivery(channel)
        delivery.deliver(NOW)
        for minutes in (1, 2, 3):
            delivery.deliver(NOW + minutes * MINUTE)
        received = [json.loads(body) for _, body in server.received]
        assert [(one["schema"], one["kind"], one["id"]) for one in received] == [
            ("breakeven.alert/1", "event", event.id),
            ("breakeven.alert/1", "event", event.id),
            ("breakeven.alert/1", "event", f"{desk.project}-b"),
            ("breakeven.alert/1", "digest", digest.id),
        ]
        assert {*received[0]["event"]} == {
            *("id", "project", "rule", "subject", "change", "at", "since", "headline", "figure", "why", "next_step"),
            *("owner", "page"),
        }
        assert received[0]["event"]["figure"]["usd"] == 21_430.2
        headers, body = server.received[0]
        seconds, digest_hex = (part.split("=")[1] for part in headers[SIGNATURE].split(","))
        assert abs(int(seconds) - NOW.timestamp()) < 5
        assert digest_hex == hmac.new(b"hush", f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    assert [step[1:] for step in desk.steps(channel)] == [("sent", 2, ""), ("sent", 1, ""), ("sent", 1, "")]


@pytest.mark.parametrize(
    ("status", "state"), [(404, "given_up"), (401, "given_up"), (307, "given_up"), (429, "failed")]
)
def test_a_webhook_that_refuses(desk: Desk, status: int, state: str) -> None:
    desk.tell(desk.event("a"))
    with JsonServer() as server:
        server.statuses.append(status)
        channel = Channel(f"json-{desk.project}", Kind.WEBHOOK, SecretStr(server.url), projects=(desk.project,))
        desk.delivery(channel).deliver(NOW)
        assert len(server.received) == 1
    (step,) = desk.steps(channel)
    assert step[1] == state


def test_file_and_secret_count_as_soon_as_they_are_mended(desk: Desk, tmp_path: Path) -> None:
    config, secret = tmp_path / "breakeven.toml", tmp_path / "hook"
    text = f"""
    [alerts]
    page_url = "https://costs.example.com"
    [[alerts.channels]]
    name = "{desk.hook.name}"
    kind = "slack_webhook"
    file = "{secret}"
    projects = ["{desk.project}"]
    """
    deliver = ToChannels(desk.store, config, threading.Event(), sleep=desk.slept.append)
    config.write_text(text)
    desk.tell(desk.event("a"))
    deliver(NOW)
    assert desk.steps(desk.hook) == []
    secret.write_text(desk.slack.webhook_url)
    deliver(NOW + MINUTE)
    config.write_text("[[alerts.channels]]\nname = 1")
    desk.tell(desk.event("b"))
    deliver(NOW + 2 * MINUTE)
    # A file that is broken takes no channel away.
    assert desk.steps(desk.hook) == [("a", "sent", 1, ""), ("b", "sent", 1, "")]
    assert "https://costs.example.com/feature?feature=search" in desk.slack.received[0].whole


def test_the_collectors_job_tells_the_channels_of_the_file(desk: Desk, tmp_path: Path) -> None:
    config, secret = tmp_path / "breakeven.toml", tmp_path / "token"
    secret.write_text(TOKEN)
    config.write_text(
        f"""
        [[alerts.channels]]
        name = "{desk.bot.name}"
        kind = "slack_bot"
        channel = "{CONVERSATION}"
        api_url = "{desk.slack.api_url}"
        file = "{secret}"
        projects = ["{desk.project}"]
        """
    )
    desk.tell(desk.event("a"))
    AlertsJob(desk.store, config, "UTC", clock=lambda: NOW).run_once()
    assert desk.told == ["Break-even crossed: a rose"]
    assert desk.steps(desk.bot) == [("a", "sent", 1, "")]


def test_a_channel_without_its_secret_says_so_and_no_try_is_lost_to_it(desk: Desk) -> None:
    desk.tell(desk.event("a"))
    unset = Channel(f"unset-{desk.project}", Kind.SLACK_WEBHOOK, problem="X is not set", projects=(desk.project,))
    delivery = desk.delivery(unset)
    delivery.deliver(NOW)
    assert desk.steps(unset) == []
    delivery.use([replace(desk.hook, name=unset.name)], LINKS)
    delivery.deliver(NOW + MINUTE)
    assert desk.steps(unset) == [("a", "sent", 1, "")]
