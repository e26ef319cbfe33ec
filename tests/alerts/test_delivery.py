"""Delivery: each event once on each channel that asks for it, updates in its thread, by the file as it stands."""

import logging
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from breakeven_collector.alerts.channels import Channel, Kind
from breakeven_collector.alerts.events import Change
from breakeven_collector.alerts.job import AlertsJob
from breakeven_collector.alerts.to_channels import ToChannels
from pydantic import SecretStr

from tests.alerts.delivery_desk import MINUTE, Desk
from tests.alerts.slack_server import CONVERSATION, TOKEN, pings
from tests.alerts.things_to_tell import DIGEST, NOW


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
