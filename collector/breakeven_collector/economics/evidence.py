"""What is known about a feature when it is decided: observed, declared, or not known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from breakeven_collector.economics.api_cost import Alternative
from breakeven_collector.economics.assumptions import OriginOf
from breakeven_collector.economics.bands import Bands
from breakeven_collector.economics.case import HOURS_PER_MONTH, Case
from breakeven_collector.economics.gates import Gates
from breakeven_collector.economics.objectives import Objectives
from breakeven_collector.economics.private import WAYS

DAYS_NEEDED: Final = 28
"""Of calls, before there is a verdict."""
WINDOW_DAYS: Final = 30
"""That are looked at, the last whole ones."""


@dataclass(frozen=True)
class Line:
    """One thing that a verdict stands on."""

    what: str
    value: str | None
    """None: declare this."""
    source: str
    at: date | None = None
    confidence: str = "observed"
    """observed | not observed | declared | assumed | declare this"""


@dataclass(frozen=True)
class Evidence:
    """A feature, its money, and what people declared about it. Dollars are of the trailing 30 days."""

    feature: str
    as_of: date
    days: int
    """Since its first call, or its first usage on a bill."""
    case: Case
    """Hosting against today's bill; retries, evaluation and playground traffic left out by whoever makes it."""
    spend_usd: float
    total_spend_usd: float
    alternatives: Sequence[Alternative] = ()
    """In the API and with hosts of open models, with whether quality was tested."""
    failed_models: Sequence[str] = ()
    """Compared, and not good enough: none of the alternatives."""
    unallocated_usd: float = 0
    unseen_usd: float = 0
    unpriced_call_share: float = 0
    spend_p90_at_90_days_usd: float | None = None
    """Of the forecast; None where the data does not bear one."""
    bands: Bands = field(default_factory=Bands)
    gates: Gates = field(default_factory=Gates)
    commitment_until: date | None = None
    """A commitment or credit burns down until then: nothing is saved before."""
    is_imported: bool = False
    """Load, bill and days come from the usage in providers' accounts."""
    frontier_share: float | None = None
    """Of the dollars, on frontier models."""
    cached_share: float | None = None
    """Of the input tokens, read from the provider's cache."""
    batch_share: float | None = None
    """Of the dollars, at a batch price already."""
    provider_shares: Sequence[tuple[str, float]] = ()
    """Provider and its share of this feature's dollars."""
    estimated_usd: float = 0
    """Of calls whose usage nobody reported: no fact, so not in the spend."""
    model_shutdowns: Sequence[tuple[str, date, float]] = ()
    """Model, announced end, its share of this feature's dollars."""
    shutdown_source: str = ""
    """Who says so."""
    price_changes: Sequence[date] = ()
    """Announced days on which a price in use changes."""
    origins: Mapping[str, OriginOf] = field(default_factory=dict[str, OriginOf])
    """Path of an assumption → where its value is from; for those that are left out, from the defaults."""
    mean_seconds: float | None = None
    """That a call takes."""
    p95_seconds: float | None = None
    """95 in 100 calls take no longer."""
    objectives: Objectives = field(default_factory=Objectives)
    error_share: float | None = None
    """Of the calls, failed."""
    growth_per_month: float | None = None
    """Observed."""
    growth_is_clear: bool = True
    """It is more than the days' noise: twice its standard error."""
    coverage_share: float | None = None
    """Of the billed dollars, seen in spans."""
    lines: Sequence[Line] = ()
    """More of what was observed, shown after the lines that the verdict makes itself."""

    @property
    def live_usd(self) -> float:
        """Of the spend, what hosting would take over (no retries, no research): what is held against the break-even."""
        return self.case.api_usd_per_month * min(WINDOW_DAYS, self.days) * 24 / HOURS_PER_MONTH

    @property
    def may_be_bought(self) -> list[Alternative]:
        """The alternatives that are open to it: where third parties are forbidden, those that keep its data inside."""
        is_inside = self.gates.third_parties_forbidden is True
        return [one for one in self.alternatives if (one.kind in WAYS) is is_inside]

    @property
    def unknown_usd(self) -> float:
        """Dollars that may be this feature's: unallocated, unseen, estimated."""
        return self.unallocated_usd + self.unseen_usd + self.estimated_usd

    @property
    def committed_months(self) -> float:
        """Months in which a commitment or credit still burns down."""
        if self.commitment_until is None:
            return 0.0
        return max(0.0, (self.commitment_until - self.as_of).days / (730 / 24))
