"""What a rule finds about a subject at a moment: plain data between rules and the state machine."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from breakeven_collector.alerts.events import Driver, Figure, Rule


@dataclass(frozen=True)
class Condition:
    """Whether there is something to tell, and what."""

    rule: Rule
    subject: str
    is_active: bool
    figure: Figure
    headline: str
    """For people, with the dollars: that it is so, or where it is not active, that it is over."""
    is_over: bool | None = None
    """Whether what was told before is over; None: where it is not active. In between it stays as it is."""
    marker: str = ""
    """What it is about, such as a month; another one is another alert."""
    why: tuple[Driver, ...] = ()
    next_step: str = ""
    owner: str = ""
    page: str = ""
    is_quiet: bool = False
    """That it is over goes without saying."""
    about: tuple[datetime, datetime] | None = None
    """The stretch of time that the figure is of, where the causes are to be looked for in it."""

    @property
    def over(self) -> bool:
        """Whether it is over."""
        return not self.is_active if self.is_over is None else self.is_over


@dataclass(frozen=True)
class Known:
    """What is known of a rule's subject from before."""

    is_firing: bool = False
    marker: str = ""
    fired_at: datetime | None = None
    since: datetime | None = None


def feature_page(feature: str) -> str:
    """Its page."""
    return f"/feature?{urlencode({'feature': feature})}"


def named(feature: str) -> str:
    """A feature for people; the empty one pays for what has none."""
    return feature or "what has no feature"
