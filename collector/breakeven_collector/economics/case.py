"""The case that is decided: a feature's load and bill at month one, and what hosting, project and market are like."""

from dataclasses import dataclass, field, replace
from typing import Final

HOURS_PER_MONTH: Final = 730.0
SECONDS_PER_HOUR: Final = 3600.0


@dataclass(frozen=True)
class Tokens:
    """Tokens of one call, in disjoint classes."""

    input_uncached: float
    input_cached: float
    output: float
    """With reasoning."""


@dataclass(frozen=True)
class Prices:
    """USD a million tokens."""

    input: float
    cached: float
    output: float


@dataclass(frozen=True)
class Hosting:
    """What a replica costs and does. Defaults and their sources: `assumptions.ENTRIES`."""

    gpu_usd_per_hour: float = 3.0
    gpus_per_replica: float = 1
    prefill_tokens_per_s: float = 30_000
    """Of a replica, not of a GPU."""
    decode_tokens_per_s: float = 5_000
    utilisation_at_peak: float = 0.7
    min_replicas: int = 2
    spare_replicas: int = 1
    prefix_cache_hit: float = 0
    fte: float = 0.5
    fte_usd_per_year: float = 250_000
    overhead_share: float = 0.15
    overhead_fixed_usd: float = 300
    retrain_usd: float = 1_500
    retrain_every_months: float = 3


@dataclass(frozen=True)
class Hybrid:
    """What share goes to the own model, and what its mistakes cost."""

    cost_share: float = 1.0
    escalation_share: float = 0
    """Of the covered cost, asked of the API after all: paid twice."""
    router_usd_per_call: float = 0
    extra_error_rate: float = 0
    usd_per_error: float = 0


@dataclass(frozen=True)
class Project:
    """What it takes to get there."""

    one_off_usd: float = 60_000
    build_months: float = 1.5
    shadow_months: float = 1
    judge_usd: float = 500
    """A month of shadow."""
    amortise_months: float = 18


@dataclass(frozen=True)
class Market:
    """How the world moves."""

    horizon_months: float = 24
    growth_per_month: float = 0
    api_price_decline_per_year: float = 0
    discount_rate: float = 0.10
    """A year."""


@dataclass(frozen=True)
class Case:
    """A feature against its alternative, in the first month."""

    api_usd_per_month: float
    """A: what the alternative to hosting costs."""
    calls_per_month: float
    mean_busy: float
    """b̄ of the whole feature, before the share that is covered: replicas (Erlangs)."""
    peak_to_mean: float = 3.0
    burst: float = 1.25
    hosting: Hosting = field(default_factory=Hosting)
    hybrid: Hybrid = field(default_factory=Hybrid)
    project: Project = field(default_factory=Project)
    market: Market = field(default_factory=Market)
    autoscaled_usd_per_hour: float | None = None
    """γ_od: a GPU-hour that is rented only while it is needed; None where that is no option."""
    hourly_busy: tuple[float, ...] = ()
    """b_h of an observed window, for the autoscaled price; empty where only mean and peak are known."""
    serverless: bool = False
    """GPU time is billed by the second of use: no replicas stand by."""
    cold_start_hours_per_month: float = 0
    """Replica-hours that serverless bills for starting."""
    committed_months: float = 0
    """A commitment or credit burns down that long: nothing is saved before."""

    def scaled(self, factor: float) -> "Case":
        """The same feature at another volume."""
        return replace(
            self,
            api_usd_per_month=self.api_usd_per_month * factor,
            calls_per_month=self.calls_per_month * factor,
            mean_busy=self.mean_busy * factor,
            hourly_busy=tuple(busy * factor for busy in self.hourly_busy),
        )
