"""Delivery as JSON to a webhook of any kind."""

import hashlib
import hmac
import json
from dataclasses import replace

import pytest
from breakeven_collector.alerts.channels import Channel, Kind
from breakeven_collector.alerts.senders import SIGNATURE
from pydantic import SecretStr

from tests.alerts.delivery_desk import MINUTE, Desk
from tests.alerts.json_server import JsonServer
from tests.alerts.things_to_tell import DIGEST, NOW


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
