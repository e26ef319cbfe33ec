"""Messages about alerts, as Slack's Block Kit: what happened, how much, why, what to do next, and where to look."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from math import isfinite
from typing import Any, Final
from urllib.parse import urlencode

from slack_sdk.models.blocks import Block, ContextBlock, HeaderBlock, PlainTextObject, SectionBlock

from breakeven_collector.alerts.events import Change, Event, Figure, Rule
from breakeven_collector.alerts.mrkdwn import bold, dollars, escaped, length, link, mrkdwn, within
from breakeven_collector.render import counted, percent

MOST_TOTAL: Final = 11_500
"""Characters of all blocks together; Slack refuses from about 13,000 on."""
MOST_TEXT: Final = 3000
"""Characters of a section, and of the plain text."""
_MOST_EVENTS: Final = 12
_MOST_DRIVERS: Final = 5
_MOST_HEADLINE: Final = 500
_MOST_DETAIL: Final = 250
_MOST_NAME: Final = 100

_TITLES: Final[Mapping[Rule, str]] = {
    Rule.CROSSED: "Break-even crossed",
    Rule.APPROACHING: "Break-even ahead",
    Rule.BUDGET: "Over budget by the month's end",
    Rule.JUMP: "Cost jumped",
    Rule.SILENT: "A service fell silent",
    Rule.APART: "Billed and seen differ",
    Rule.VERDICT: "Another verdict",
    Rule.BAND: "Band passed",
    Rule.BUDGET_SHARE: "Share of a budget spent",
    Rule.UNPRICED: "Models without a price",
    Rule.DECISIONS_DUE: "Decisions due",
}
_MARKS: Final[Mapping[Change, str]] = {
    Change.FIRING: "\U0001f534",
    Change.STILL: "\U0001f534",
    Change.RESOLVED: "\U0001f7e2",
    Change.CORRECTED: "\u270f\ufe0f",
}
_BEFORE_TITLE: Final[Mapping[Change, str]] = {
    Change.FIRING: "",
    Change.STILL: "Still: ",
    Change.RESOLVED: "Resolved: ",
    Change.CORRECTED: "Corrected: ",
}
_DASHBOARDS: Final[Mapping[Rule, str]] = {
    Rule.CROSSED: "breakeven-threshold",
    Rule.APPROACHING: "breakeven-threshold",
    Rule.VERDICT: "breakeven-threshold",
    Rule.BAND: "breakeven-threshold",
    Rule.SILENT: "breakeven-pipeline",
}
_BILL, _FEATURE = "breakeven-bill", "breakeven-feature"


@dataclass(frozen=True)
class Links:
    """Where links lead; an empty address makes none."""

    page_url: str = ""
    """Address of the page, `https://breakeven.example.com`."""
    grafana_url: str = ""
    """Address of Grafana."""

    def of(self, event: Event) -> str:
        """Links of an event."""
        board, query = _dashboard(event)
        return _joined(
            link(self.page_url, event.page or "/alerts", "Page"),
            link(self.grafana_url, f"/d/{board}{query}", "Grafana"),
        )

    def all_alerts(self) -> str:
        """A link to all of them."""
        return link(self.page_url, "/alerts", "All alerts")


@dataclass(frozen=True)
class Message:
    """What is sent."""

    text: str
    """The same in plain words: notifications show it, and it is sent where blocks are refused."""
    blocks: tuple[dict[str, Any], ...]
    """Block Kit: at most 50, in all at most `MOST_TOTAL` characters."""


def alert_message(events: Sequence[Event], links: Links, *, in_thread: bool = False) -> Message:
    """One message about one or several events, most dollars first.

    Args:
        events: at least one; of more than a dozen the rest is counted.
        links: where its links lead.
        in_thread: it stands below the first message of the same firing, so it need not say which that is.
    """
    ordered = sorted(events, key=lambda event: (-event.figure.usd if isfinite(event.figure.usd) else 0.0, event.id))
    return _single(ordered[0], links, in_thread) if len(ordered) == 1 else _several(ordered, links, in_thread)


def by_whom(events: Iterable[Event]) -> list[list[Event]]:
    """Events that belong into one message: of one project and owner."""

    def whose(event: Event) -> tuple[str, str]:
        return event.project, event.owner

    return [list(group) for _, group in groupby(sorted(events, key=whose), whose)]


def title_of(event: Event) -> str:
    """What happened, in few words of our own."""
    return f"{_BEFORE_TITLE[event.change]}{_TITLES[event.rule]}"


class Room:
    """Keeps what all blocks have together below what Slack takes."""

    def __init__(self) -> None:
        self._left = MOST_TOTAL

    def takes(self, text: str) -> bool:
        """Whether there is room for a text; if so, it is taken."""
        if not text or length(text) > self._left:
            return False
        self._left -= length(text)
        return True


def as_message(text: str, blocks: Iterable[Block]) -> Message:
    """Blocks, checked by slack-sdk, as a message."""
    documents: list[dict[str, Any]] = [block.to_dict() for block in blocks]
    return Message(text, tuple(documents))


def header(words: str) -> HeaderBlock:
    """A heading of our own words."""
    return HeaderBlock(text=PlainTextObject(text=words, emoji=False))


def section(text: str) -> SectionBlock:
    """A section with one text."""
    return SectionBlock(text=mrkdwn(text))


def context(text: str) -> ContextBlock:
    """A line in small print."""
    return ContextBlock(elements=[mrkdwn(text)])


def trial_message(channel: str, links: Links, now: datetime) -> Message:
    """A message that nobody takes for an alert."""
    words = f"This is a test: Breakeven's alerts come here, by way of the channel {escaped(channel, 200)}."
    sent = f"Nothing has happened. Sent {_when(now)} by `breakeven alerts test`."
    blocks = [header("Test: alerts come here"), section(words), context(_joined(sent, links.all_alerts()))]
    return as_message(f"{words} Nothing has happened.", blocks)


def _single(event: Event, links: Links, in_thread: bool) -> Message:
    room = Room()
    blocks: list[Block] = [header(f"{_MARKS[event.change]} {title_of(event)}")]
    headline = bold(_headline(event), _MOST_HEADLINE)
    if room.takes(headline):
        blocks.append(section(headline))
    figures = [text for text in _figures(event.figure) if room.takes(text)]
    if figures:
        blocks.append(SectionBlock(fields=[mrkdwn(text) for text in figures]))
    for text in (_why(event, _MOST_DRIVERS), _next(event)):
        if room.takes(text):
            blocks.append(section(text))
    small = _joined(_refers(event, in_thread), _owner(event), _project(event), links.of(event))
    if room.takes(small):
        blocks.append(context(small))
    return as_message(_plain(title_of(event), [event], links), blocks)


def _several(events: Sequence[Event], links: Links, in_thread: bool) -> Message:
    room = Room()
    heading = _counts(events)
    blocks: list[Block] = [header(heading)]
    first = events[0]
    told = 0
    for event in events[:_MOST_EVENTS]:
        lines = (
            f"{_MARKS[event.change]} {bold(_headline(event), _MOST_HEADLINE)}",
            " · ".join(text.replace("\n", " ") for text in _figures(event.figure)[:3]),
            _why(event, 1),
            _next(event),
            _joined(_refers(event, in_thread), links.of(event)),
        )
        text = within(lines, MOST_TEXT)
        if not room.takes(text):
            break
        told += 1
        blocks.append(section(text))
    rest = f"and {counted(len(events) - told, 'more alert')}" if told < len(events) else ""
    small = _joined(rest, _owner(first), _project(first), links.all_alerts())
    if room.takes(small):
        blocks.append(context(small))
    return as_message(_plain(heading, events, links), blocks)


def _counts(events: Sequence[Event]) -> str:
    fires = sum(event.change in (Change.FIRING, Change.STILL) for event in events)
    resolved = sum(event.change is Change.RESOLVED for event in events)
    parts = (
        counted(fires, "alert") if fires else "",
        f"{resolved} resolved" if resolved else "",
        f"{len(events) - fires - resolved} corrected" if len(events) > fires + resolved else "",
    )
    return f"{_MARKS[Change.FIRING if fires else events[0].change]} {', '.join(part for part in parts if part)}"


def _headline(event: Event) -> str:
    """With the dollars also where the name is endless."""
    if len(event.subject) <= _MOST_NAME:
        return event.headline
    return event.headline.replace(event.subject, f"{event.subject[:_MOST_NAME]}…")


def _figures(figure: Figure) -> list[str]:
    estimate = figure.coverage_share is not None and figure.coverage_share < 1
    what = escaped(figure.what, _MOST_DETAIL)
    texts = [f"*{dollars(figure.usd, is_estimate=estimate)}*\n{what}".strip()]
    if figure.limit_usd is not None:
        limit = escaped(figure.limit_what or "limit", _MOST_DETAIL)
        texts.append(f"*{dollars(figure.limit_usd)}*\n{limit}")
    if figure.low_usd is not None and figure.high_usd is not None:
        texts.append(f"*{dollars(figure.low_usd)} to {dollars(figure.high_usd)}*\nin 8 of 10 cases")
    if figure.on is not None:
        around = (
            f"\n{_day(figure.low_on) if figure.low_on else 'earlier'} to "
            f"{_day(figure.high_on) if figure.high_on else 'later'}, in 8 of 10 cases"
            if figure.low_on or figure.high_on
            else ""
        )
        texts.append(f"*{_day(figure.on)}*{around}")
    if figure.coverage_share is not None and isfinite(figure.coverage_share):
        rest = ", the rest estimated" if estimate else ""
        texts.append(f"*{escaped(percent(figure.coverage_share), 20)}*\nof it known{rest}")
    return texts


def _why(event: Event, most: int) -> str:
    if not event.why:
        return ""
    lines = [
        f"• {escaped(driver.detail or driver.what, _MOST_DETAIL)}"
        + (f" ({dollars(driver.usd)})" if driver.usd is not None and "$" not in driver.detail else "")
        for driver in event.why[:most]
    ]
    if most > 1 and len(event.why) > most:
        lines.append(f"• and {counted(len(event.why) - most, 'more cause')}")
    return "\n".join(["*Why*", *lines]) if most > 1 else lines[0]


def _next(event: Event) -> str:
    step = escaped(event.next_step, _MOST_DETAIL * 2, code=True)
    return f"*Next:* {step}" if step else ""


def _refers(event: Event, in_thread: bool) -> str:
    """Which message it is about; the first message is about itself."""
    if event.change is Change.FIRING:
        return ""
    return f"since {_when(event.since)}" if in_thread else f"about the alert of {_when(event.since)}"


def _owner(event: Event) -> str:
    return f"owner {escaped(event.owner, 100)}" if event.owner else ""


def _project(event: Event) -> str:
    return f"project {escaped(event.project, 100)}" if event.project else ""


def _plain(heading: str, events: Sequence[Event], links: Links) -> str:
    """The same without blocks: the first line is what a notification shows."""
    lines: list[str] = []
    left = MOST_TEXT - 200
    for event in events:
        parts = [escaped(_headline(event), _MOST_HEADLINE)]
        if len(events) == 1:
            figures = "; ".join(text.replace("\n", " ") for text in _figures(event.figure))
            parts += [figures, _why(event, 2), _next(event), links.of(event)]
        text = within(parts, left)
        if not text or length(text) + 1 > left:
            break
        left -= length(text) + 1
        lines.append(text)
    rest = len(events) - len(lines)
    more = [f"and {counted(rest, 'more alert')}"] if rest and len(events) > 1 else []
    return f"{heading}: " + "\n".join([*lines, *more]) if lines or more else heading


def _dashboard(event: Event) -> tuple[str, str]:
    is_feature = bool(event.subject) and event.rule.about == "feature"
    board = _DASHBOARDS.get(event.rule, _FEATURE if is_feature else _BILL)
    query = {
        **({"var-project": event.project} if event.project else {}),
        **({"var-feature": event.subject} if is_feature else {}),
    }
    return board, f"?{urlencode(query, errors='replace')}" if query else ""


def _when(at: datetime) -> str:
    return f"{at:%d %b %Y, %H:%M} UTC"


def _day(day: date) -> str:
    return f"{day:%d %b %Y}"


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
