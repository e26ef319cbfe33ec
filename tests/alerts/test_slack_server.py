"""The Slack on loopback refuses what the real one refuses."""

import json
from typing import Any

import pytest

from tests.alerts.slack_server import Received, judge, pings


def section(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True, **more}}


CASES: list[tuple[Any, Any, str]] = [
    ("hello", None, ""),
    ("hello", [section("x")], ""),
    (None, None, "no_text"),
    ("", [], "no_text"),
    ("x" * 4001, None, "msg_too_long"),
    ("x", "blocks", "invalid_blocks_format"),
    ("x", [{"type": "fireworks"}], "invalid_blocks"),
    ("x", [{"text": "x"}], "invalid_blocks"),
    ("x", [section("x")] * 50, ""),
    ("x", [section("x")] * 51, "invalid_blocks"),
    ("x", [section("")], "invalid_blocks"),
    ("x", [section("x" * 3001)], "invalid_blocks"),
    # Slack counts as JavaScript does.
    ("x", [section("😀" * 1501)], "invalid_blocks"),
    ("x", [{**section("x"), "colour": "red"}], "invalid_blocks"),
    ("x", [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}], "invalid_blocks"),
    ("x", [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}], "invalid_blocks"),
    ("x", [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}], "invalid_blocks"),
    ("x", [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}], "invalid_blocks"),
    ("x", [section("x" * 2600)] * 5, ""),
    ("x", [section("x" * 2601)] * 5, "msg_blocks_too_long"),
]


@pytest.mark.parametrize(("text", "blocks", "word"), CASES)
def test_a_message_is_judged(text: Any, blocks: Any, word: str) -> None:
    assert judge(text, json.loads(json.dumps(blocks)))[0] == word


@pytest.mark.parametrize(
    ("text", "blocks", "count"),
    [
        ("plain & <https://x.example/a|Page>", [section("a &lt;!channel&gt; @\u200bhere")], 0),
        ("<!channel>", [], 1),
        ("mail @here", [], 1),
        ("x", [section("<@U012AB3CD>")], 2),
        ("x", [section("a name", verbatim=False)], 1),
    ],
)
def test_what_might_ping_is_found(text: str, blocks: list[dict[str, Any]], count: int) -> None:
    assert len(pings(Received(text, blocks))) == count
