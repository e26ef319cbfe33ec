"""Which assumption moves the answer most: the month's net with one of them changed at a time."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from breakeven_collector.economics.breakeven import net_usd_per_month
from breakeven_collector.economics.case import Case


@dataclass(frozen=True)
class Bar:
    """One input at two other values."""

    input: str
    low: str
    high: str
    low_usd_per_month: float
    high_usd_per_month: float

    @property
    def swing_usd_per_month(self) -> float:
        """How far apart the two lie."""
        return abs(self.high_usd_per_month - self.low_usd_per_month)


@dataclass(frozen=True)
class Tornado:
    """Net USD a month, the project paid off over its months, as it is and with each input changed; widest first."""

    base_usd_per_month: float
    bars: tuple[Bar, ...]

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "base_usd_per_month": self.base_usd_per_month,
            "bars": [{**asdict(bar), "swing_usd_per_month": bar.swing_usd_per_month} for bar in self.bars],
        }


def tornado(case: Case) -> Tornado:
    """A − K − I/T_am, each input at a value that is worse and at one that is better."""
    hosting, hybrid = case.hosting, case.hybrid
    base = net_usd_per_month(case)

    def host(**changes: Any) -> Case:
        return replace(case, hosting=replace(hosting, **changes))

    def share(**changes: Any) -> Case:
        return replace(case, hybrid=replace(hybrid, **changes))

    def priced(factor: float) -> Case:
        return replace(case, api_usd_per_month=case.api_usd_per_month * factor)

    def faster(factor: float) -> Case:
        # A replica that does so much more is kept busy by so much less.
        busy = tuple(value / factor for value in case.hourly_busy)
        return replace(case, mean_busy=case.mean_busy / factor, hourly_busy=busy)

    def one_off(usd: float) -> Case:
        return replace(case, project=replace(case.project, one_off_usd=usd))

    def gpu(factor: float) -> Case:
        od = case.autoscaled_usd_per_hour
        return replace(
            host(gpu_usd_per_hour=hosting.gpu_usd_per_hour * factor),
            autoscaled_usd_per_hour=None if od is None else od * factor,
        )

    errors = max(0.0, hybrid.extra_error_rate) + 0.01
    usd_per_error = hybrid.usd_per_error or 0.20
    ranges: list[tuple[str, str, str, Callable[[], Case], Callable[[], Case]]] = [
        ("API price", "× 0.05", "× 1.5", lambda: priced(0.05), lambda: priced(1.5)),
        ("volume", "× 0.5", "× 2", lambda: case.scaled(0.5), lambda: case.scaled(2)),
        ("staff", "1.0 FTE", "0.1 FTE", lambda: host(fte=1.0), lambda: host(fte=0.1)),
        (
            "errors",
            f"+1 point at ${usd_per_error:.2f}",
            "as assumed",
            lambda: share(extra_error_rate=errors, usd_per_error=usd_per_error),
            lambda: case,
        ),
        ("GPU price", "× 2.29", "× 0.6", lambda: gpu(6.88 / 3), lambda: gpu(0.6)),
        ("one-off cost", "$200k", "$20k", lambda: one_off(200_000), lambda: one_off(20_000)),
        ("share covered", "60 %", "100 %", lambda: share(cost_share=0.6), lambda: share(cost_share=1.0)),
        ("escalation", "20 %", "0 %", lambda: share(escalation_share=0.2), lambda: share(escalation_share=0.0)),
        ("throughput", "× 0.5", "× 2", lambda: faster(0.5), lambda: faster(2)),
        (
            "peak to mean",
            "6",
            "1.7",
            lambda: replace(case, peak_to_mean=6.0),
            lambda: replace(case, peak_to_mean=1.7),
        ),
    ]
    bars = [
        Bar(name, low, high, net_usd_per_month(worse()), net_usd_per_month(better()))
        for name, low, high, worse, better in ranges
    ]
    return Tornado(base, tuple(sorted(bars, key=lambda bar: -bar.swing_usd_per_month)))
