"""What would change the verdict: of each input the nearest value at which it is another."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from breakeven_collector.economics.api_cost import Alternative
from breakeven_collector.economics.evidence import Evidence

_STEPS: Final = (1.3, 2.0, 4.0, 10.0)
_HALVINGS: Final = 6
Outcome = tuple[str, bool]
"""The code, and whether only a gate stands in the way."""
Decide = Callable[[Evidence], Outcome]


@dataclass(frozen=True)
class Flip:
    """The nearest change of one input at which the verdict becomes another."""

    input: str
    factor: float
    """Times what is assumed now."""
    code: str
    value: float | None = None
    """What the input then is; None where it is no single number."""
    is_blocked: bool = False
    """Hosting would pay, but a gate stands in the way."""


@dataclass(frozen=True)
class Switch:
    """Something declared, or assumed as none, that makes it another."""

    input: str
    now: str
    then: str
    code: str
    is_blocked: bool = False


def scaled(evidence: Evidence, factor: float) -> Evidence:
    """The same feature with so many times its volume; the total grows by what the feature does."""
    more = evidence.spend_usd * (factor - 1)
    p90 = evidence.spend_p90_at_90_days_usd
    return replace(
        evidence,
        case=evidence.case.scaled(factor),
        spend_usd=evidence.spend_usd * factor,
        total_spend_usd=evidence.total_spend_usd + more,
        spend_p90_at_90_days_usd=None if p90 is None else p90 * factor,
        alternatives=_cheaper(evidence, factor),
    )


def nearest(evidence: Evidence, now: Outcome, decide: Decide) -> tuple[Flip, ...]:
    """For each input that is not 0 the factor nearest to 1 at which the code is another; nearest first."""
    found: list[Flip] = []
    for name, (value, low, high, change) in _inputs(evidence).items():
        if value == 0:
            continue
        flip = _nearest(name, value, low, high, change, now, decide)
        if flip is not None:
            found.append(flip)
    return tuple(sorted(found, key=lambda flip: max(flip.factor, 1 / flip.factor)))


def switches(evidence: Evidence, outcome: Outcome, decide: Decide) -> tuple[Switch, ...]:
    """What people declare, turned round; and what is assumed as none, at a value that hurts."""
    gates = evidence.gates
    found: list[Switch] = []
    tried: list[tuple[str, object, object, Evidence]] = []
    for name in ("third_parties_forbidden", "staff", "terms"):
        now = getattr(gates, name)
        tried += [(name, now, then, replace(evidence, gates=replace(gates, **{name: then})))
                  for then in (True, False) if then is not now]  # fmt: skip
    if gates.staff is not True and gates.terms is not True:
        both = replace(evidence, gates=replace(gates, staff=True, terms=True))
        tried.append(("staff and terms", None if gates.staff is None else False, True, both))
    then = "live" if gates.lifecycle == "validating" else "validating"
    tried.append(("lifecycle", gates.lifecycle, then, replace(evidence, gates=replace(gates, lifecycle=then))))
    for at, one in enumerate(evidence.alternatives):
        if one.saves_usd_per_month > 0:
            turned = replace(one, tested=not one.tested)
            others = [turned if i == at else other for i, other in enumerate(evidence.alternatives)]
            words = ("tested", "not tested")
            now_word, then_word = words if one.tested else words[::-1]
            tried.append((one.name, now_word, then_word, replace(evidence, alternatives=others)))
    if evidence.unknown_usd:
        known = replace(evidence, unallocated_usd=0.0, unseen_usd=0.0, estimated_usd=0.0)
        tried.append(("unknown dollars", f"${evidence.unknown_usd:,.0f}", "none", known))
    if evidence.unpriced_call_share:
        all_priced = replace(evidence, unpriced_call_share=0.0)
        tried.append(("calls without a price", f"{evidence.unpriced_call_share:.1%}", "none", all_priced))
    if evidence.days < 28:
        tried.append(("days of calls", str(evidence.days), "28", replace(evidence, days=28)))
    if evidence.commitment_until is not None:
        ended = replace(evidence, commitment_until=None)
        tried.append(("commitment", f"until {evidence.commitment_until}", "ended", ended))
    for name, (now, _, high, change) in _inputs(evidence).items():
        if now == 0 and name in _IF_NONE:
            value = min(high, _IF_NONE[name])
            tried.append((name, "0", f"{value:g}", change(value)))
    for name, now, then, changed in tried:
        if (other := decide(changed)) != outcome:
            found.append(Switch(name, _word(now), _word(then), *other))
    return tuple(found)


_FACTORS: Final = ("volume", "API price", "throughput")
"""No numbers of their own: 1 is as it is now."""
_IF_NONE: Final = {"escalation": 0.2, "errors": 0.02, "growth": 0.05, "router": 0.001}


def _inputs(evidence: Evidence) -> dict[str, tuple[float, float, float, Callable[[float], Evidence]]]:
    """Name → value now, least, most, the evidence at another value."""
    case = evidence.case
    most = float("inf")

    def of(part: str, name: str) -> Callable[[float], Evidence]:
        held: Any = getattr(case, part)
        return lambda value: replace(evidence, case=replace(case, **{part: replace(held, **{name: value})}))

    def busy(factor: float) -> Evidence:
        hours = tuple(one / factor for one in case.hourly_busy)
        return replace(evidence, case=replace(case, mean_busy=case.mean_busy / factor, hourly_busy=hours))

    def price(factor: float) -> Evidence:
        """Dearer by the token at the same load; hosts of open models ask what they did."""
        more, bill = scaled(evidence, factor), case.api_usd_per_month * factor
        kept = [
            replace(old, saves_usd_per_month=bill - old.usd_per_month) if old.kind == "hosted_open_model" else new
            for old, new in zip(evidence.alternatives, more.alternatives, strict=True)
        ]
        return replace(more, case=replace(case, api_usd_per_month=bill), alternatives=kept)

    def errors(value: float) -> Evidence:
        usd_per_error = case.hybrid.usd_per_error or 0.2
        hybrid = replace(case.hybrid, extra_error_rate=value, usd_per_error=usd_per_error)
        return replace(evidence, case=replace(case, hybrid=hybrid))

    hosting, hybrid, project, market = case.hosting, case.hybrid, case.project, case.market
    found: dict[str, tuple[float, float, float, Callable[[float], Evidence]]] = {
        "volume": (1.0, 0.0, most, lambda value: scaled(evidence, value)),
        "API price": (1.0, 0.0, most, price),
        "throughput": (1.0, 0.0, most, busy),
        "GPU price": (hosting.gpu_usd_per_hour, 0.0, most, of("hosting", "gpu_usd_per_hour")),
        "staff": (hosting.fte, 0.0, most, of("hosting", "fte")),
        "a person": (hosting.fte_usd_per_year, 0.0, most, of("hosting", "fte_usd_per_year")),
        "use at the peak": (hosting.utilisation_at_peak, 0.0, 1.0, of("hosting", "utilisation_at_peak")),
        "overhead": (hosting.overhead_share, 0.0, 1.0, of("hosting", "overhead_share")),
        "retraining": (hosting.retrain_usd, 0.0, most, of("hosting", "retrain_usd")),
        "one-off cost": (project.one_off_usd, 0.0, most, of("project", "one_off_usd")),
        "build": (project.build_months, 0.0, most, of("project", "build_months")),
        "shadow": (project.shadow_months, 0.0, most, of("project", "shadow_months")),
        "share covered": (hybrid.cost_share, 0.0, 1.0, of("hybrid", "cost_share")),
        "escalation": (hybrid.escalation_share, 0.0, 1.0, of("hybrid", "escalation_share")),
        "router": (hybrid.router_usd_per_call, 0.0, most, of("hybrid", "router_usd_per_call")),
        "errors": (hybrid.extra_error_rate, 0.0, 1.0, errors),
        "peak to mean": (case.peak_to_mean, 1.0, most,
                         lambda value: replace(evidence, case=replace(case, peak_to_mean=value))),
        "burst": (case.burst, 1.0, most, lambda value: replace(evidence, case=replace(case, burst=value))),
        "growth": (market.growth_per_month, 0.0, 1.0, of("market", "growth_per_month")),
        "discount": (market.discount_rate, 0.0, 10.0, of("market", "discount_rate")),
        "all spend": (evidence.total_spend_usd, 0.0, most,
                      lambda value: replace(evidence, total_spend_usd=value)),
    }  # fmt: skip
    return found


def _nearest(
    name: str,
    now: float,
    low: float,
    high: float,
    change: Callable[[float], Evidence],
    outcome: Outcome,
    decide: Decide,
) -> Flip | None:
    """Outward in steps in both directions, then bisection. An input may end at its least or most value."""
    before = 1.0
    for step in _STEPS:
        for up in (True, False):
            far = min(step, high / now) if up else max(1 / step, low / now)
            if far == 1 or (other := decide(change(now * far))) == outcome:
                continue
            near = before if up else 1 / before
            for _ in range(_HALVINGS):
                middle = (near * far) ** 0.5
                at = decide(change(now * middle))
                if at == outcome:
                    near = middle
                else:
                    far, other = middle, at
            return Flip(name, far, other[0], None if name in _FACTORS else now * far, other[1])
        before = step
    return None


def _cheaper(evidence: Evidence, factor: float) -> list[Alternative]:
    return [
        replace(
            one,
            usd_per_month=one.usd_per_month * factor,
            saves_usd_per_month=one.saves_usd_per_month * factor,
        )
        for one in evidence.alternatives
    ]


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not declared" if value is None else str(value)
