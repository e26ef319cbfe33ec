"""What alerts say, as plain data: rules make it, messages and deliveries take it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final


class Rule(StrEnum):
    """What is watched. The value is the rule's name in `breakeven.toml`, in the store and on the command line."""

    CROSSED = "crossed"
    """A feature's trailing 30 days are above its break-even."""
    APPROACHING = "approaching"
    """They will be within 90 days, by the forecast."""
    BUDGET = "budget"
    """The month's end, at P90, is over a budget."""
    JUMP = "jump"
    """A feature's cost jumped."""
    SILENT = "silent"
    """A service that sent calls sends none."""
    APART = "apart"
    """What a provider bills and what is seen differ."""
    VERDICT = "verdict"
    """The verdict on a feature is another one."""
    BAND = "band"
    """A band for orientation is passed. Off by default."""
    BUDGET_SHARE = "budget_share"
    """50 % or 80 % of a budget are spent. Off by default."""
    UNPRICED = "unpriced"
    """Models without a price. Off by default."""
    DECISIONS_DUE = "decisions_due"
    """Decisions to be looked at again. Off by default."""

    @property
    def about(self) -> str:
        """What its subjects are: `feature`, `service`, `provider`, or `model` with its provider."""
        return _ABOUT.get(self, "feature")


_ABOUT: Final[Mapping[Rule, str]] = {Rule.SILENT: "service", Rule.APART: "provider", Rule.UNPRICED: "model"}


class Change(StrEnum):
    """What happened to a rule's subject."""

    FIRING = "firing"
    RESOLVED = "resolved"
    STILL = "still"
    """It goes on firing, and the repeat interval is over."""
    CORRECTED = "corrected"
    """Late spans, a price or an import show that what was told was not so."""


@dataclass(frozen=True)
class Figure:
    """The number that an alert is about, USD. None: not known."""

    usd: float
    """What was measured or forecast."""
    what: str
    """What the number is, for people: "in the 30 days to 24 Nov", "by the end of November, at P90"."""
    limit_usd: float | None = None
    """What it is held against: threshold, budget, usual amount."""
    limit_what: str = ""
    """What the limit is: "break-even", "budget", "usual for the hour"."""
    low_usd: float | None = None
    """P10, where it is a forecast."""
    high_usd: float | None = None
    """P90."""
    low_on: date | None = None
    """Earliest day (P10), where a day is forecast."""
    on: date | None = None
    """The day, P50."""
    high_on: date | None = None
    """Latest day (P90)."""
    coverage_share: float | None = None
    """Share of the dollars behind it that is known and not estimated, 0 to 1."""


@dataclass(frozen=True)
class Driver:
    """One reason, the strongest first."""

    what: str
    """volume, cost a call, model, prompt length, cache, retries, tenant, …"""
    detail: str
    """For people: "gpt-6-terra: 61 % of the rise", "cached share 37 % → 4 %"."""
    usd: float | None = None
    """Dollars of the figure that it explains."""


@dataclass(frozen=True)
class Event:
    """One thing to tell, and to tell once."""

    id: str
    """Hex digest of project, rule, subject, `since` and change (and the repeat's number): the same thing, worked out
    again or by another collector, has the same."""
    project: str
    """Empty: all together."""
    rule: Rule
    subject: str
    """Feature, service, `provider` or empty for the whole bill."""
    change: Change
    at: datetime
    """When it was found, UTC."""
    since: datetime
    """When the firing began that it belongs to: updates of one firing share it (and a thread)."""
    headline: str
    """One sentence, for people, with the dollars in it."""
    figure: Figure
    why: tuple[Driver, ...] = ()
    next_step: str = ""
    """What to do next, a sentence or a command."""
    owner: str = ""
    """As declared; empty: nobody."""
    page: str = ""
    """Path on the page with its parameters, `/feature?feature=search`."""

    @property
    def thread(self) -> tuple[str, Rule, str, datetime]:
        """What updates share with the first message."""
        return self.project, self.rule, self.subject, self.since


@dataclass(frozen=True)
class Line:
    """A row of a digest's section."""

    name: str
    text: str
    usd: float | None = None


@dataclass(frozen=True)
class Section:
    """A part of a digest; an empty one is left out."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Digest:
    """What is told once a week."""

    id: str
    """Hex digest of project and week: each week's is told once."""
    project: str
    first: date
    """First day that it is about."""
    last: date
    """Last day."""
    headline: str
    sections: tuple[Section, ...]
    page: str = "/"
