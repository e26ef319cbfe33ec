"""Delivery where Slack or the network fails: tried again while that helps, and what failed for good is written down."""

from dataclasses import replace
from datetime import timedelta

import pytest
from breakeven_collector.alerts.channels import Channel, Kind
from breakeven_collector.alerts.delivery import MOST_TRIES
from breakeven_collector.alerts.outbox import channel_states, list_deliveries
from pydantic import SecretStr

from tests.alerts.delivery_desk import LINKS, MINUTE, Desk
from tests.alerts.things_to_tell import NOW


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
            waits.append(round((row["retry_at"] - at).total_seconds()))
            at = row["retry_at"]
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


def test_a_row_that_cannot_be_read_is_given_up_and_holds_nothing_up(desk: Desk) -> None:
    desk.tell(desk.event("a"))
    columns = ("id", "project", "rule", "document", "at", "kept_at")
    desk.store.insert("alert_events", columns, [(f"{desk.project}-x", desk.project, "crossed", "{}", NOW, NOW)])
    desk.delivery(desk.hook).deliver(NOW)
    steps = desk.steps(desk.hook)
    assert ("x", "given_up", 1, "unreadable") in steps
    assert ("a", "sent", 1, "") in steps


def test_a_channel_without_its_secret_says_so_and_no_try_is_lost_to_it(desk: Desk) -> None:
    desk.tell(desk.event("a"))
    unset = Channel(f"unset-{desk.project}", Kind.SLACK_WEBHOOK, problem="X is not set", projects=(desk.project,))
    delivery = desk.delivery(unset)
    delivery.deliver(NOW)
    assert desk.steps(unset) == []
    delivery.use([replace(desk.hook, name=unset.name)], LINKS)
    delivery.deliver(NOW + MINUTE)
    assert desk.steps(unset) == [("a", "sent", 1, "")]
