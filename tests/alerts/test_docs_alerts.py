"""docs/alerts-slack.md says what is so."""

import json
import re
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

from breakeven_collector.alerts.channels import Kind, parse_channels, parse_links
from breakeven_collector.alerts.config import parse_alerts
from breakeven_collector.alerts.documents import read_event
from breakeven_collector.alerts.events import Driver, Event, Figure
from breakeven_collector.alerts.senders import SCHEMA, signature
from breakeven_collector.config_file import Place, parse_config

from tests.alerts.things_to_tell import NOW

PAGE = (Path(__file__).parents[2] / "docs" / "alerts-slack.md").read_text(encoding="utf-8")
PLACE = Place("docs")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found, language
    return found[1]


def test_the_channels_shown_are_read() -> None:
    alerts = parse_config(block("toml"), Path("docs"))["alerts"]
    parse_alerts(alerts, PLACE)
    assert [(one.name, one.kind) for one in parse_channels(alerts, PLACE, {})] == [
        ("costs", Kind.SLACK_BOT),
        ("support", Kind.SLACK_WEBHOOK),
        ("pager", Kind.WEBHOOK),
    ]
    assert parse_links(alerts, PLACE).page_url == "https://breakeven.example.com"


def test_the_json_shown_is_a_whole_event() -> None:
    document = json.loads(block("json"))
    assert document["schema"] == SCHEMA
    event = document["event"]
    assert read_event(json.dumps(event)).headline == event["headline"]
    for kind, told in ((Event, event), (Figure, event["figure"]), (Driver, event["why"][0])):
        assert [field.name for field in fields(kind)] == [*told]


def test_the_check_of_a_signature_knows_ours() -> None:
    names: dict[str, Any] = {}
    exec(block("python"), names)
    fresh = NOW.fromtimestamp(time.time(), NOW.tzinfo)
    body = '{"ж": 1}'.encode()
    assert names["is_ours"]("hush", body, signature("hush", body, fresh))
    assert not names["is_ours"]("hush", body + b" ", signature("hush", body, fresh))
    assert not names["is_ours"]("hush", body, signature("other", body, fresh))
    assert not names["is_ours"]("hush", body, signature("hush", body, NOW.replace(year=2020)))
