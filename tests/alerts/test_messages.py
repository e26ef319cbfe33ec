"""Messages: what they say, that Slack takes every one, and that no name in them pings anybody."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from breakeven_collector.alerts.digest_message import digest_message
from breakeven_collector.alerts.documents import digest_json, event_json
from breakeven_collector.alerts.events import Change, Digest, Driver, Event, Figure, Line, Rule, Section
from breakeven_collector.alerts.messages import Links, Message, alert_message, by_whom, trial_message
from breakeven_collector.alerts.mrkdwn import escaped, length, link
from breakeven_collector.alerts.outbox import read_kept
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.alerts.slack_server import Received, judge, pings
from tests.alerts.things_to_tell import CROSSED, DIGEST, NOW, event

LINKS = Links("https://breakeven.example.com", "https://grafana.example.com/g/")

HOSTILE = (
    "<!channel>", "<!here|x>", "@here", "@channel @everyone", "<@U012AB3CD>", "<#C012AB3CD|x>", "<https://evil.example|$0>",
    "&lt;!channel&gt;", "a & b <c>", "*bold* _it_ ~no~ `code`", "\u202eevil\u202c", "line\nbreak\r\n> quote", "\x00\x1b[31m",
    "😀" * 4000, "&" * 4000, "@" * 4000, "ж" * 4000, "\ud800", "", " ", ":rocket:", "http://evil.example/@here", "a" * 20_000,
)  # fmt: skip


def taken(message: Message) -> Received:
    """The message, which Slack takes, and which pings nobody."""
    assert judge(message.text, list(message.blocks)) == ("", "")
    received = Received(message.text, list(message.blocks))
    assert pings(received) == []
    assert message.text
    return received


def test_one_alert_says_what_happened_how_much_why_what_next_and_where_to_look() -> None:
    message = taken(alert_message([CROSSED], LINKS))
    assert message.texts == [
        "🔴 Break-even crossed",
        "*search cost $21,430 in 30 days, above its break-even of $20,150 a month*",
        "*~$21,430*\nin the 30 days to 24 Nov",
        "*$20,150*\nbreak-even, a month",
        "*$19,800 to $23,900*\nin 8 of 10 cases",
        "*97.2 %*\nof it known, the rest estimated",
        "*Why*\n• volume: 61 % of the rise, 1.4M calls more ($4,210)\n• cached share 37 % → 4 %",
        "*Next:* `breakeven decide search` weighs the options",
        "owner support · project default · <https://breakeven.example.com/feature?feature=search|Page> · "
        "<https://grafana.example.com/g/d/breakeven-threshold?var-project=default&amp;var-feature=search|Grafana>",
    ]
    assert message.text.splitlines()[0] == (
        "Break-even crossed: search cost $21,430 in 30 days, above its break-even of $20,150 a month"
    )
    assert "*Next:*" in message.text


def test_an_endless_name_leaves_room_for_the_dollars_and_nothing_is_estimated_where_all_is_known() -> None:
    subject = "x" * 600
    figure = Figure(80.0, "in the hour", 1.0, "usual", coverage_share=1.0)
    long = event("e", subject=subject, headline=f"{subject} cost $80, $79 more than usual", figure=figure)
    for message in (alert_message([long], LINKS), alert_message([long, CROSSED], LINKS)):
        received = taken(message)
        assert "xxx… cost $80, $79 more than usual" in received.whole
        assert "xxx… cost $80, $79 more than usual" in received.text
        assert "*100 %* of it known" in received.whole.replace("\n", " ")
        assert "*100 %*\nof it known, the rest" not in received.whole


def test_without_addresses_there_are_no_links() -> None:
    message = taken(alert_message([CROSSED], Links()))
    assert "http" not in message.whole + message.text
    assert message.texts[-1] == "owner support · project default"


def test_a_forecast_day_comes_with_its_interval() -> None:
    figure = Figure(18_000.0, "now", 20_150.0, "break-even", low_on=date(2026, 12, 20), on=date(2027, 1, 24))
    texts = taken(alert_message([event("e", rule=Rule.APPROACHING, figure=figure)], LINKS)).texts
    assert texts[0] == "🔴 Break-even ahead"
    assert texts[4] == "*24 Jan 2027*\n20 Dec 2026 to later, in 8 of 10 cases"
    assert taken(alert_message([event("e", figure=replace(figure, low_on=None))], LINKS)).texts[4] == "*24 Jan 2027*"


@pytest.mark.parametrize(
    ("change", "title", "refers"),
    [
        (Change.RESOLVED, "🟢 Resolved: Break-even crossed", "about the alert of 24 Nov 2026, 09:00 UTC"),
        (Change.STILL, "🔴 Still: Break-even crossed", "about the alert of 24 Nov 2026, 09:00 UTC"),
        (Change.CORRECTED, "✏️ Corrected: Break-even crossed", "about the alert of 24 Nov 2026, 09:00 UTC"),
    ],
)
def test_an_update_says_which_alert_it_is_about(change: Change, title: str, refers: str) -> None:
    texts = taken(alert_message([event("e", change=change)], LINKS)).texts
    assert (texts[0], texts[-1].split(" · ")[0]) == (title, refers)
    below = taken(alert_message([event("e", change=change)], LINKS, in_thread=True)).texts
    assert below[-1].split(" · ")[0] == "since 24 Nov 2026, 09:00 UTC"


def test_several_alerts_are_one_message_the_dearest_first_and_the_rest_counted() -> None:
    events = [event(f"e{n}", usd=100.0 * n, headline=f"feature-{n} rose") for n in range(1, 41)]
    message = taken(alert_message([*events, event("r", change=Change.RESOLVED, usd=1.0)], LINKS))
    assert message.texts[0] == "🔴 40 alerts, 1 resolved"
    assert [text.split("*")[1] for text in message.texts[1:-1]] == [f"feature-{n} rose" for n in range(40, 28, -1)]
    assert message.texts[-1].startswith("and 29 more alerts · owner support · project default")
    assert message.texts[1] == (
        "🔴 *feature-40 rose*\n*~$4,000* in the 30 days to 24 Nov · *$20,150* break-even, a month · "
        "*$19,800 to $23,900* in 8 of 10 cases\n• volume: 61 % of the rise, 1.4M calls more ($4,210)\n"
        "*Next:* `breakeven decide search` weighs the options\n"
        "<https://breakeven.example.com/feature?feature=search|Page> · "
        "<https://grafana.example.com/g/d/breakeven-threshold?var-project=default&amp;var-feature=search|Grafana>"
    )
    assert "feature-1 rose" in message.text


def test_one_message_is_of_one_project_and_owner() -> None:
    pairs = [("a", "x"), ("b", "x"), ("a", ""), ("a", "x")]
    events = [event(f"e{n}", project=project, owner=owner) for n, (project, owner) in enumerate(pairs)]
    assert [[one.id for one in group] for group in by_whom(events)] == [["e2"], ["e0", "e3"], ["e1"]]


def test_a_digest_leaves_empty_sections_out() -> None:
    assert taken(digest_message(DIGEST, LINKS)).texts == [
        "The week from 16 Nov to 22 Nov 2026",
        "$48,210 in the week, 12 % more than the one before",
        "*Against budget*\n• search: of $15,000, 82 % spent\n• chat: $900.00 within",
        "*Unpriced*\n• gpt-x: 1,204 calls without a price",
        "project default · <https://breakeven.example.com/|Page>",
    ]


def test_a_test_says_that_it_is_one() -> None:
    message = taken(trial_message("costs", LINKS, NOW))
    assert message.texts[0] == "Test: alerts come here"
    assert "Nothing has happened" in message.text


def test_amounts_that_are_not_known_are_not_nothing() -> None:
    message = taken(alert_message([event("e", figure=Figure(float("nan"), "", float("inf"), ""))], LINKS))
    assert message.texts[2:4] == ["*?*", "*?*\nlimit"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_only_a_name(name: str) -> None:
    hostile = event(
        "e", project=name, subject=name, headline=name, owner=name, next_step=name, page=f"/feature?feature={name}",
        figure=Figure(1.0, name, 2.0, name), why=tuple(Driver(name, name, 3.0) for _ in range(9)),
    )  # fmt: skip
    lines = tuple(Line(name, name, 1.0) for _ in range(40))
    digest = Digest("d", name, DIGEST.first, DIGEST.last, name, tuple(Section(name, lines) for _ in range(60)), name)
    for message in (
        alert_message([hostile], LINKS),
        alert_message([hostile] * 60, LINKS),
        digest_message(digest, LINKS),
        trial_message(name, LINKS, NOW),
    ):
        assert "<https://evil" not in taken(message).whole + message.text


_words = st.text(st.sampled_from("a😀&<>@*`|!#_~\n\u202e ж$/?=%") | st.characters(), max_size=400).flatmap(
    lambda text: st.integers(1, 60).map(lambda n: text * n)
)
_numbers = st.floats(allow_nan=True, allow_infinity=True)
_maybe = st.none() | _numbers
_days = st.none() | st.dates(date(2020, 1, 1), date(2100, 1, 1))
_figures = st.builds(Figure, _numbers, _words, _maybe, _words, _maybe, _maybe, _days, _days, _days, _maybe)
_events = st.builds(
    Event,
    id=st.text(max_size=5),
    project=_words,
    rule=st.sampled_from(Rule),
    subject=_words,
    change=st.sampled_from(Change),
    at=st.just(NOW),
    since=st.timedeltas(timedelta(0), timedelta(days=9000)).map(lambda before: NOW - before),
    headline=_words,
    figure=_figures,
    why=st.lists(st.builds(Driver, _words, _words, _maybe), max_size=8).map(tuple),
    next_step=_words,
    owner=_words,
    page=_words,
)
_sections = st.builds(Section, _words, st.lists(st.builds(Line, _words, _words, _maybe), max_size=12).map(tuple))


@settings(deadline=timedelta(seconds=5), max_examples=60)
@given(st.lists(_events, min_size=1, max_size=3), st.integers(1, 20), st.booleans())
def test_slack_takes_whatever_happens(events: list[Event], times: int, in_thread: bool) -> None:
    message = taken(alert_message(events * times, LINKS, in_thread=in_thread))
    assert len(message.blocks) <= 16


@settings(deadline=timedelta(seconds=5), max_examples=40)
@given(_words, st.lists(_sections, max_size=4), st.integers(1, 20))
def test_slack_takes_every_digest(words: str, sections: list[Section], times: int) -> None:
    taken(digest_message(replace(DIGEST, headline=words, project=words, sections=tuple(sections * times)), LINKS))


@given(st.text(max_size=60), st.integers(1, 40))
def test_a_text_is_cut_to_what_it_may_be(text: str, most: int) -> None:
    cut = escaped(text, most)
    assert length(cut) <= most
    # Nothing is cut in the middle of an escape, and nothing needlessly.
    assert cut.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "").count("&") == 0
    if length(escaped(text, 10_000)) <= most:
        assert cut == escaped(text, 10_000)
    else:
        assert cut.endswith("…")


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("/feature?feature=a%20b", "https://h/below/feature?feature=a%20b"),
        ("/a|b>c <d", "https://h/below/a%7Cb%3Ec%20%3Cd"),
        ("//evil.example/x", "https://h/below/evil.example/x"),
        ("/" + "ж" * 1000, ""),
    ],
)
def test_a_link_stays_below_its_address(path: str, url: str) -> None:
    assert link("https://h/below/", path, "Page") == (f"<{url}|Page>" if url else "")


def test_what_stood_in_the_store_is_read_back_whole() -> None:
    assert read_kept(event_json(CROSSED), "crossed") == CROSSED
    assert read_kept(digest_json(DIGEST), "digest") == DIGEST
    broken: list[Any] = ["", "{}", "[]", '{"id": 1}']
    assert [read_kept(text, "crossed") for text in broken] == [None] * 4
