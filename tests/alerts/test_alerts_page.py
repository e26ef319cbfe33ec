"""The page of alerts: what it shows to whom, and that only an admin's own form snoozes."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from breakeven_collector.alerts.channels import Channel, Kind
from breakeven_collector.alerts.delivery import Delivery
from breakeven_collector.doctor import examine
from breakeven_collector.keys import KeyTable, Scope
from breakeven_collector.serve import Collector
from pydantic import SecretStr

from tests.alerts.slack_server import Slack
from tests.alerts.things_to_tell import event, tell
from tests.collector.client import Answer, Client
from tests.conftest import quick_settings

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
NOW = datetime.now(UTC)


class Desk:
    """A collector with alerts of two projects, and keys."""

    def __init__(self, collector: Collector, keys: dict[str, str]) -> None:
        self.collector, self.keys = collector, keys
        self.client = Client(collector.url)

    def get(self, path: str, who: str = "admin") -> Answer:
        return self.client.send("GET", path, None, {"Cookie": f"breakeven_key={self.keys[who]}"})

    def page(self, path: str = "/alerts", who: str = "admin") -> str:
        answer = self.get(path, who)
        assert answer.status == 200, answer
        return answer.body.decode()

    def form(self, who: str = "admin") -> dict[str, str]:
        """Fields of the first form that snoozes, as a browser would send them."""
        text = self.page(who=who)
        form = text[text.index('action="/alerts/snooze"') :].split("</form>")[0]
        return {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)}

    def post(self, fields: dict[str, str], who: str = "admin", **headers: str) -> Answer:
        sent = {**FORM, "Cookie": f"breakeven_key={self.keys[who]}", "Origin": self.collector.url, **headers}
        return self.client.send("POST", "/alerts/snooze", urlencode(fields).encode(), sent)

    def snoozes(self) -> list[dict[str, Any]]:
        return self.collector.pipeline.store.rows(
            "SELECT project, rule, subject, every_subject, until, made_by FROM alert_snoozes ORDER BY made_at"
        )


@pytest.fixture(scope="module")
def desk(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    dsn = f"chdb://{engine_folder}?database=alerts_page"
    with Collector(quick_settings(dsn, tmp_path_factory.mktemp("alerts"))) as collector, Slack() as slack:
        store = collector.pipeline.store
        table = KeyTable(store)
        keys = {"admin": table.create(Scope.ADMIN)["key"]}
        for scope in (Scope.READ, Scope.ADMIN):
            keys |= {f"{scope} {project}": table.create(scope, project)["key"] for project in ("alpha", "beta")}
        collector.pipeline.access.refresh()
        columns = ("project", "rule", "subject", "version", "state", "since", "at", "tellings", "is_active", "usd")
        rows = [
            ("alpha", "crossed", HOSTILE, "firing", 21_430.0, f"{HOSTILE} is above its break-even"),
            ("alpha", "jump", "chat", "pending", 42.0, "chat jumped"),
            ("alpha", "budget", "", "ok", 1.0, "within budget"),
            ("beta", "crossed", "canary-b", "firing", 99.0, "canary-b is above"),
            ("beta", "silent", "canary-b-service", "snoozed", None, "canary-b-service fell silent"),
        ]
        store.insert(
            "alert_states",
            (*columns, "headline"),
            [(p, rule, s, 1, state, NOW, NOW, 2, 1, usd, said) for p, rule, s, state, usd, said in rows],
        )
        told = [
            event("e-a", project="alpha", subject=HOSTILE, headline=rows[0][5], at=NOW, since=NOW),
            event("e-b", project="beta", subject="canary-b", headline="canary-b is above", at=NOW, since=NOW),
        ]
        tell(store, *told, kept_at=NOW)
        slack.answer(404, "no_service")
        hook = Channel("costs", Kind.SLACK_WEBHOOK, SecretStr(slack.webhook_url), projects=("alpha",))
        other = Channel("other", Kind.SLACK_WEBHOOK, SecretStr(slack.webhook_url), projects=("beta",))
        Delivery(store, [hook, other], sleep=lambda _: None).deliver(NOW)
        yield Desk(collector, keys)


def test_the_page_shows_what_fires_what_was_told_and_what_became_of_it(desk: Desk) -> None:
    text = desk.page(who="read alpha")
    firing, rest = text.split('id="pending"')
    assert "&lt;script&gt;alert(1)" in firing
    assert "$21,430" in firing
    assert "chat jumped" in rest.split('id="snoozed"')[0]
    assert "within budget" not in text
    deliveries = rest.split('id="deliveries"')[1]
    for words in ("costs", "given up", "no_service", "make a new incoming webhook"):
        assert words in deliveries
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "canary-b" not in text
    history = desk.page("/alerts?csv=history", "read alpha")
    assert history.splitlines()[0] == "at,headline,change,rule,usd,project,id"
    assert history.count("e-a") == 1


def test_each_sees_its_own_project_and_whoever_runs_it_all_of_them_and_the_channels(desk: Desk) -> None:
    assert "canary-b-service fell silent" in desk.page(who="read beta")
    assert 'id="h-channels"' not in desk.page(who="admin alpha")
    every = desk.page()
    assert "canary-b is above" in every
    assert "&lt;script&gt;" in every
    assert "Set <code>BREAKEVEN_SLACK_WEBHOOK</code>" in every
    assert "canary-b" not in desk.page("/alerts?project=alpha")


def test_the_same_over_the_api(desk: Desk) -> None:
    document = json.loads(desk.get("/api/alerts?limit=5", "read alpha").body)
    assert {key: len(rows) for key, rows in document.items()} == {"alerts": 2, "history": 1, "deliveries": 1}
    (row,) = document["deliveries"]
    assert {key: row[key] for key in ("event_id", "channel", "state", "tries", "error", "retry_at")} == {
        "event_id": "e-a",
        "channel": "costs",
        "state": "given_up",
        "tries": 1,
        "error": "no_service",
        "retry_at": None,
    }
    assert datetime.fromisoformat(row["at"]).tzinfo is not None


def test_doctor_hears_of_channels(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BREAKEVEN_SLACK_WEBHOOK", "not an address")
    found = examine(desk.collector.pipeline.settings, desk.collector.url)
    assert [(one.level, one.what) for one in found if "alerts to" in one.what] == [
        ("wrong", "alerts to slack (slack_webhook) cannot be sent")
    ]
    assert "not an address" not in desk.page()
    assert "BREAKEVEN_SLACK_WEBHOOK is not the address of a webhook" in desk.page()


def test_a_broken_file_is_told_to_whoever_runs_it(desk: Desk) -> None:
    settings = desk.collector.pipeline.settings
    settings.config.write_text("[alerts.rules]\njmp.enabled = true\n", encoding="utf-8")
    try:
        assert "Alerts are not as they should be: " in desk.page()
        assert "unknown key 'jmp'" in unescape(desk.page())
        assert "jmp" not in desk.page(who="admin alpha")
        found = examine(settings, desk.collector.url)
        assert [one.level for one in found if one.what.startswith("alerts are not as they should be")] == ["wrong"]
    finally:
        settings.config.unlink()
    assert "not as they should be" not in desk.page()


def test_the_overview_tells_how_many_fire(desk: Desk) -> None:
    badge = '<span class="tag bad">{}<span class="hidden"> firing</span></span>'
    assert badge.format(2) in desk.page("/")
    assert badge.format(1) in desk.page("/", "read alpha")


def test_a_read_key_sees_no_form(desk: Desk) -> None:
    text = desk.page(who="read alpha")
    assert "/alerts/snooze" not in text
    assert "An admin's key may snooze them" in unescape(text)


def test_an_admins_form_snoozes(desk: Desk) -> None:
    fields = {**desk.form("admin alpha"), "for": "7 days"}
    before = len(desk.snoozes())
    answer = desk.post(fields, "admin alpha")
    assert (answer.status, answer.headers["location"]) == (303, "/alerts")
    made = desk.snoozes()[before:]
    assert [(row["project"], row["rule"], row["subject"], row["every_subject"], row["made_by"]) for row in made] == [
        ("alpha", "crossed", HOSTILE, 0, "an admin, on the page")
    ]
    until = made[0]["until"].replace(tzinfo=UTC)
    assert timedelta(days=6.9) < until - datetime.now(UTC) <= timedelta(days=7)
    text = desk.page(who="admin alpha")
    assert "an admin, on the page" in text.split('id="snoozes"')[1].split("</table>")[0]
    # At once, though the rules look only once an hour.
    assert "Nothing fires." in text
    assert "is above its break-even" in text.split('id="snoozed"')[1].split("</table>")[0]
    desk.collector.pipeline.store.run("DELETE FROM alert_snoozes WHERE project = 'alpha'")


@pytest.mark.parametrize(
    ("who", "changes", "headers", "status"),
    [
        ("admin alpha", {"token": ""}, {}, 403),
        ("admin alpha", {"token": "0" * 64}, {}, 403),
        ("admin alpha", {"token": "ж"}, {}, 403),
        ("admin alpha", {}, {"Origin": "http://evil.example"}, 403),
        ("admin alpha", {}, {"Origin": "null"}, 403),
        ("admin alpha", {}, {"Sec-Fetch-Site": "cross-site"}, 403),
        ("admin alpha", {}, {"Sec-Fetch-Site": "same-site"}, 403),
        ("admin alpha", {"project": "beta"}, {}, 403),
        ("admin alpha", {"for": "1 century"}, {}, 422),
        ("admin alpha", {"rule": "none"}, {}, 422),
        # The word of one key does not open with another.
        ("read alpha", {}, {}, 403),
        ("admin beta", {"project": "beta"}, {}, 403),
        ("admin alpha", {}, {"Cookie": ""}, 401),
        ("admin alpha", {}, {"Cookie": "breakeven_key=bk_admin_" + "0" * 64}, 401),
    ],
)
def test_nothing_else_snoozes(
    desk: Desk, who: str, changes: dict[str, str], headers: dict[str, str], status: int
) -> None:
    fields = {**desk.form("admin alpha"), "for": "1 day", **changes}
    before = desk.snoozes()
    assert desk.post(fields, who, **headers).status == status
    assert desk.snoozes() == before


def test_the_cookie_alone_snoozes_nothing_over_the_api(desk: Desk) -> None:
    before = desk.snoozes()
    until = (NOW + timedelta(days=30)).isoformat()
    body = json.dumps({"rule": "jump", "subject": "chat", "until": until, "by": "Ada"}).encode()
    kind = {"Content-Type": "application/json"}
    by_cookie = desk.client.send(
        "POST", "/api/alerts/snooze", body, {**kind, "Cookie": f"breakeven_key={desk.keys['admin']}"}
    )
    assert by_cookie.status == 401
    assert desk.snoozes() == before
    answer = desk.client.send("POST", "/api/alerts/snooze", body, {**kind, "x-api-key": desk.keys["admin beta"]})
    assert answer.status == 200, answer
    assert [(row["project"], row["rule"], row["subject"], row["made_by"]) for row in desk.snoozes()[len(before) :]] == [
        ("beta", "jump", "chat", "Ada")
    ]


def test_a_test_is_sent_by_the_collector_and_for_whoever_runs_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(who: str, document: Any) -> Answer:
        headers = {"Content-Type": "application/json", "x-api-key": desk.keys[who]}
        return desk.client.send("POST", "/api/alerts/test", json.dumps(document).encode(), headers)

    with Slack() as slack:
        monkeypatch.setenv("BREAKEVEN_SLACK_WEBHOOK", slack.webhook_url)
        assert send("admin alpha", {}).status == 403
        answer = send("admin", {"channel": None})
        assert json.loads(answer.body) == {
            "channels": [{"channel": "slack", "kind": "slack_webhook", "is_sent": True, "error": "", "mend": ""}]
        }
        assert slack.received[0].texts[0] == "Test: alerts come here"
        unknown = send("admin", {"channel": "none"})
        assert (unknown.status, "there are slack" in unknown.body.decode()) == (422, True)
        assert len(slack.received) == 1
    monkeypatch.delenv("BREAKEVEN_SLACK_WEBHOOK")
    assert "[[alerts.channels]]" in send("admin", {}).body.decode()
