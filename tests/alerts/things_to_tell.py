"""Events and digests for tests, and the rows that they are in the store."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from breakeven_collector.alerts.documents import digest_json, event_json
from breakeven_collector.alerts.events import Change, Digest, Driver, Event, Figure, Line, Rule, Section
from breakeven_collector.store import Store

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)

CROSSED = Event(
    id="e1",
    project="default",
    rule=Rule.CROSSED,
    subject="search",
    change=Change.FIRING,
    at=NOW,
    since=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
    headline="search cost $21,430 in 30 days, above its break-even of $20,150 a month",
    figure=Figure(
        21_430.2,
        "in the 30 days to 24 Nov",
        20_150.0,
        "break-even, a month",
        low_usd=19_800.0,
        high_usd=23_900.0,
        coverage_share=0.972,
    ),
    why=(
        Driver("volume", "volume: 61 % of the rise, 1.4M calls more", 4_210.0),
        Driver("cache", "cached share 37 % → 4 %"),
    ),
    next_step="`breakeven decide search` weighs the options",
    owner="support",
    page="/feature?feature=search",
)

DIGEST = Digest(
    id="d1",
    project="default",
    first=date(2026, 11, 16),
    last=date(2026, 11, 22),
    headline="$48,210 in the week, 12 % more than the one before",
    sections=(
        Section("Against budget", (Line("search", "of $15,000, 82 % spent", 12_300.0), Line("chat", "within", 900.0))),
        Section("Savings open", ()),
        Section("Unpriced", (Line("gpt-x", "1,204 calls without a price"),)),
    ),
)


def event(id: str, **changes: Any) -> Event:
    """The first event with changes; `usd` and `headline` by name."""
    if "usd" in changes:
        changes["figure"] = replace(CROSSED.figure, usd=changes.pop("usd"))
    return replace(CROSSED, id=id, **changes)


def tell(store: Store, *things: Event | Digest, kept_at: datetime = NOW) -> None:
    """Put them where the rules put them."""
    rows: list[tuple[Any, ...]] = []
    for one in things:
        if isinstance(one, Event):
            document = event_json(one)
            row = (str(one.rule), one.subject, str(one.change), one.at, one.since, one.headline, one.figure.usd)
        else:
            document = digest_json(one)
            row = ("digest", "", "", kept_at, kept_at, one.headline, None)
        rows.append((one.id, one.project, *row, document, kept_at))
    columns = ("id", "project", "rule", "subject", "change", "at", "since", "headline", "usd", "document", "kept_at")
    store.insert("alert_events", columns, rows)
