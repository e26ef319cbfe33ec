"""P(NPV > 0): the case drawn many times from what its inputs may be."""

import random
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from breakeven_collector.economics.case import Case
from breakeven_collector.economics.cash_flow import npv_usd

LIKELY: Final = 0.8
UNLIKELY: Final = 0.2
DRAWS: Final = 2_000
SEED: Final = 1


@dataclass(frozen=True)
class Chance:
    """How often the draws came out positive. It rests on the ranges of `draw`: on screen it is a word."""

    probability: float
    p10_usd: float
    p50_usd: float
    p90_usd: float
    draws: int
    seed: int

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "word": self.word}

    @property
    def word(self) -> str:
        """likely | open | unlikely"""
        return "likely" if self.probability >= LIKELY else "unlikely" if self.probability <= UNLIKELY else "open"


def chance(case: Case, *, draws: int = DRAWS, seed: int = SEED) -> Chance:
    """P(NPV > 0) by a seeded simulation; the same case and seed give the same figure."""
    source = random.Random(seed)
    values = sorted(npv_usd(draw(case, source)) for _ in range(draws))
    return Chance(
        sum(value > 0 for value in values) / draws,
        values[int(0.1 * draws)],
        values[int(0.5 * draws)],
        values[int(0.9 * draws)],
        draws,
        seed,
    )


def is_likely(case: Case, *, draws: int = DRAWS, seed: int = SEED) -> bool:
    """Whether `chance` would say likely; it stops drawing once that is settled."""
    source = random.Random(seed)
    positive = 0
    for done in range(1, draws + 1):
        positive += npv_usd(draw(case, source)) > 0
        if positive >= LIKELY * draws:
            return True
        if positive + draws - done < LIKELY * draws:
            return False
    return False


def draw(case: Case, source: random.Random) -> Case:
    """One world: δ ~ U(0, .7), growth ~ N(g + 2 %, 2 %) a month, the rest triangular about what is assumed.

    The triangles have the ranges of the tornado, relative to what is assumed: GPU price 0.6 to 2.29 times, throughput
    0.5 to 2, staff 0.4 to 4, one-off cost a third to 10/3, peak 0.57 to 2 (not below the mean); share covered from two
    thirds to 10/9 (not above 1); escalation from none to 0.2, or twice what is assumed.
    """
    hosting, hybrid = case.hosting, case.hybrid

    def near(low: float, high: float, mode: float = 1.0) -> float:
        return source.triangular(low, high, mode)

    faster = near(0.5, 2.0)
    gpu = near(0.6, 6.88 / 3)
    share = hybrid.cost_share
    escalation = hybrid.escalation_share
    return replace(
        case,
        mean_busy=case.mean_busy / faster,
        hourly_busy=(),
        autoscaled_usd_per_hour=None,
        peak_to_mean=max(1.0, case.peak_to_mean * near(1.7 / 3, 2.0)),
        hosting=replace(hosting, gpu_usd_per_hour=hosting.gpu_usd_per_hour * gpu, fte=hosting.fte * near(0.4, 4.0)),
        hybrid=replace(
            hybrid,
            cost_share=source.triangular(share * 2 / 3, min(1.0, share * 10 / 9), share),
            escalation_share=source.triangular(0.0, min(1.0, max(0.2, 2 * escalation)), escalation),
        ),
        project=replace(case.project, one_off_usd=case.project.one_off_usd * near(1 / 3, 10 / 3)),
        market=replace(
            case.market,
            api_price_decline_per_year=source.uniform(0.0, 0.7),
            growth_per_month=max(-0.5, source.gauss(case.market.growth_per_month + 0.02, 0.02)),
        ),
    )
