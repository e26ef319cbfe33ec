"""The verdict: rules of docs/economics.md from the top, the first that fits."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from breakeven_collector.economics import answer, breakeven, cash_flow, montecarlo
from breakeven_collector.economics.api_cost import Alternative
from breakeven_collector.economics.case import Case
from breakeven_collector.economics.evidence import Evidence
from breakeven_collector.economics.hosting import hosting_usd_per_month
from breakeven_collector.economics.hybrid import hybrid_usd_per_month

DAYS_NEEDED: Final = 28
_MOST_UNPRICED: Final = 0.05
_IN_API: Final = ("cache", "batch", "trimming", "smaller_model", "combination")
_WORTH_SHARE, _WORTH_USD = 0.15, 500.0
_LONGEST_PAYBACK_MONTHS: Final = 12.0
_WHOLE: Final = 0.95
_REVISIT_DAYS: Final = 183
_FLIP_RANGE: Final = 50.0


@dataclass(frozen=True)
class Flip:
    """The nearest change of one input at which the verdict becomes another."""

    input: str
    factor: float
    """Times what is assumed now."""
    code: str


@dataclass(frozen=True)
class Verdict:
    """What to do about a feature, and why."""

    feature: str
    code: str
    """For machines; never on screen."""
    is_candidate: bool
    """Quality was not tested yet: the next step is to run beside the API."""
    sentence: str
    rule: int
    next_action: str
    revisit_by: date
    threshold_usd: float | None
    """The own break-even, at the declared staff share."""
    threshold_reason: str | None
    thresholds_by_fte: list[dict[str, Any]]
    blocked_by: tuple[str, ...]
    missing: tuple[str, ...]
    flags: tuple[str, ...]
    alternative: Alternative | None
    """The best tested one, against which hosting is measured."""
    options: list[dict[str, Any]]
    chance: montecarlo.Chance | None
    flips: tuple[Flip, ...] = ()


def decide(evidence: Evidence, *, flips: bool = True) -> Verdict:
    """The verdict on one feature.

    Args:
        flips: Also look for the nearest change of each input that would make it another.
    """
    case, alternative = against_best(evidence)
    code, rule, blocked, missing = _code(evidence)
    drawn = _chance(case)
    found = breakeven.find(case)
    return Verdict(
        evidence.feature,
        code,
        rule == 7 and not evidence.gates.quality_tested,
        _sentence(evidence, code, rule, case, alternative, found, blocked, missing),
        rule,
        _next(rule, evidence, blocked, missing),
        _revisit(evidence),
        found.spend_usd_per_month,
        found.reason,
        answer.by_staff(case),
        blocked,
        missing,
        tuple(
            name
            for name, holds in (
                ("quality_driven", evidence.failures_persist),
                ("latency_driven", evidence.objective_missed),
            )
            if holds
        ),
        alternative,
        _options(evidence, case),
        drawn,
        _flips(evidence, code) if flips else (),
    )


def against_best(evidence: Evidence) -> tuple[Case, Alternative | None]:
    """The case measured against the best tested alternative that is not hosting, and which that is."""
    tested = [one for one in evidence.alternatives if one.tested]
    cheapest = min(tested, key=lambda one: one.usd_per_month, default=None)
    if cheapest is None or cheapest.usd_per_month >= evidence.case.api_usd_per_month:
        return evidence.case, None
    return replace(evidence.case, api_usd_per_month=cheapest.usd_per_month), cheapest


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
        alternatives=[
            replace(
                one,
                usd_per_month=one.usd_per_month * factor,
                saves_usd_per_month=one.saves_usd_per_month * factor,
            )
            for one in evidence.alternatives
        ],
    )


def _code(evidence: Evidence) -> tuple[str, int, tuple[str, ...], tuple[str, ...]]:
    """Code, rule, what blocks, what is missing."""
    if evidence.gates.third_parties_forbidden:
        return "PRIVATE_DEPLOYMENT", 1, (), ()
    missing: list[str] = []
    if evidence.days < DAYS_NEEDED:
        missing.append(f"{DAYS_NEEDED - evidence.days} more days of calls (${evidence.spend_usd:,.0f} seen so far)")
    if evidence.unpriced_call_share > _MOST_UNPRICED:
        missing.append(f"prices of {evidence.unpriced_call_share:.0%} of the calls")
    own = _from_rule_3(evidence)
    unknown = evidence.unallocated_usd + evidence.unseen_usd
    if not missing and unknown > 0 and evidence.spend_usd > 0:
        # Twice: with its own dollars, and with all that might be its as well. The total has those already.
        factor = 1 + unknown / evidence.spend_usd
        most = replace(scaled(evidence, factor), total_spend_usd=evidence.total_spend_usd)
        if _from_rule_3(most)[0] != own[0]:
            missing.append(f"the owner of ${unknown:,.0f} that is unallocated or unseen: it could flip the answer")
    if missing:
        return "INSUFFICIENT_DATA", 2, (), tuple(missing)
    return (*own, ())


def _from_rule_3(evidence: Evidence) -> tuple[str, int, tuple[str, ...]]:
    gates = evidence.gates
    if gates.lifecycle == "validating":
        return "STAY", 3, ()
    ahead = evidence.spend_p90_at_90_days_usd
    ahead = evidence.spend_usd if ahead is None else ahead
    if evidence.total_spend_usd < evidence.bands.stay_usd and ahead < evidence.bands.feature_usd:
        return "STAY", 4, ()
    if evidence.case.api_usd_per_month <= 0:
        return "STAY", 9, ()
    bill = evidence.case.api_usd_per_month
    if any(
        one.kind in _IN_API
        and one.tested
        and one.saves_usd_per_month >= _WORTH_USD
        and one.saves_usd_per_month >= _WORTH_SHARE * bill
        for one in evidence.alternatives
    ):
        return "OPTIMISE_IN_API", 5, ()
    case, best = against_best(evidence)
    if best is not None and best.kind == "hosted_open_model" and _npv(case) <= 0:
        return "HOSTED_OPEN_MODEL", 6, ()
    if not _pays(case, evidence):
        return "STAY", 9, ()
    blocked = tuple(name for name, value in (("staff", gates.staff), ("terms", gates.terms)) if value is not True)
    if blocked:
        return "STAY", 8, blocked
    return ("FINE_TUNE_AND_HOST" if case.hybrid.cost_share >= _WHOLE else "HYBRID"), 7, ()


def _pays(case: Case, evidence: Evidence) -> bool:
    """Rule 7 without the gates: NPV at half the price a year, P(NPV > 0), payback from the start."""
    if evidence.commitment_until and evidence.commitment_until > evidence.as_of:
        wait = (evidence.commitment_until - evidence.as_of).days / 30.4
        # Until the commitment has burned down nothing is saved: that time is like more of the shadow, without its cost.
        if wait > _LONGEST_PAYBACK_MONTHS:
            return False
    if _npv(case, 0.5) <= 0:
        return False
    hosted = hosting_usd_per_month(case)
    project = case.project
    payback = cash_flow.payback_from_start_months(
        project.one_off_usd,
        case.api_usd_per_month - hybrid_usd_per_month(case),
        project.build_months,
        project.shadow_months,
        hosted + project.judge_usd,
    )
    if payback is None or payback > _LONGEST_PAYBACK_MONTHS:
        return False
    return _chance(case).probability >= montecarlo.LIKELY


def _npv(case: Case, decline: float = 0.0) -> float:
    return cash_flow.npv_usd(replace(case, market=replace(case.market, api_price_decline_per_year=decline)))


def _chance(case: Case) -> montecarlo.Chance:
    return montecarlo.chance(case, draws=400)


def _sentence(
    evidence: Evidence,
    code: str,
    rule: int,
    case: Case,
    best: Alternative | None,
    found: breakeven.Breakeven,
    blocked: tuple[str, ...],
    missing: tuple[str, ...],
) -> str:
    bill = f"${evidence.spend_usd:,.0f} a month"
    where = (
        f"hosting would pay from ${found.spend_usd_per_month:,.0f} a month"
        if found.spend_usd_per_month is not None
        else "at these prices hosting never pays, at any volume"
    )
    saving = case.api_usd_per_month - hybrid_usd_per_month(case)
    match rule:
        case 1:
            return "Keep it inside: third parties may not process this. Compare the private ways; cost only informs."
        case 2:
            return f"Not yet: {'; '.join(missing)}."
        case 3:
            return f"Stay. {bill}, and the feature is still being validated."
        case 4:
            return f"Stay. {bill} is too little to move for; {where}."
        case 5:
            top = max(evidence.alternatives, key=lambda one: one.saves_usd_per_month if one.tested else 0.0)
            return f"Save in the API first: {top.name} takes ${top.saves_usd_per_month:,.0f} off {bill}."
        case 6:
            name, usd = (best.name, best.usd_per_month) if best else ("it", 0.0)
            return f"Buy {name} from a host: ${usd:,.0f} instead of {bill}; {where}."
        case 7:
            how = "Host it" if code == "FINE_TUNE_AND_HOST" else f"Host {case.hybrid.cost_share:.0%} of it"
            doubt = "" if evidence.gates.quality_tested else " if quality holds"
            return f"{how}{doubt}: it would save ${saving:,.0f} a month against the best alternative."
        case 8:
            settle = ", ".join(blocked)
            return f"Stay for now. Hosting would save ${saving:,.0f} a month, once this is settled: {settle}."
        case _:
            return f"Stay. {bill}; {where}."


def _next(rule: int, evidence: Evidence, blocked: tuple[str, ...], missing: tuple[str, ...]) -> str:
    match rule:
        case 1:
            return "compare a vendor's model in your own account, an open model in your network, and own GPUs"
        case 2:
            return f"get {missing[0]}"
        case 5:
            return "do that, then decide again at the new cost"
        case 6:
            return "move the feature to that model, then decide again"
        case 7:
            return "build it" if evidence.gates.quality_tested else "shadow: run it beside the API and compare"
        case 8:
            return f"settle {', '.join(blocked)}, and declare it under [assumptions.gates]"
        case _:
            return "nothing but to look again"


def _revisit(evidence: Evidence) -> date:
    """The earliest of six months and 90 days before a model's end, never in the past. Spend and prices are watched."""
    dates = [evidence.as_of + timedelta(days=_REVISIT_DAYS), *(end - timedelta(days=90) for end in evidence.shutdowns)]
    return max(evidence.as_of, min(dates))


def _options(evidence: Evidence, case: Case) -> list[dict[str, Any]]:
    today = evidence.case.api_usd_per_month
    rows: list[dict[str, Any]] = [_option("today", today, today, case, "nothing")]
    rows += [
        _option(one.name, one.usd_per_month, today, case, "nothing" if one.tested else "quality ?")
        for one in evidence.alternatives
        if one.kind != "today"
    ]
    for name, share in (("hybrid", evidence.case.hybrid.cost_share), ("self-hosted", 1.0)):
        at = replace(evidence.case, hybrid=replace(evidence.case.hybrid, cost_share=share))
        saving = today - hybrid_usd_per_month(at)
        project = at.project
        rows.append(
            {
                "option": name,
                "usd_per_month": hybrid_usd_per_month(at),
                "one_off_usd": project.one_off_usd,
                "fte": at.hosting.fte,
                "payback_from_start_months": cash_flow.payback_from_start_months(
                    project.one_off_usd,
                    saving,
                    project.build_months,
                    project.shadow_months,
                    hosting_usd_per_month(at) + project.judge_usd,
                ),
                "npv_usd": {str(decline): _npv(at, decline) for decline in (0.0, 0.3, 0.5)},
                "to_prove": "nothing" if evidence.gates.quality_tested else "quality ?",
            }
        )
    return rows


def _option(name: str, usd: float, today: float, case: Case, to_prove: str) -> dict[str, Any]:
    """One without own GPUs: its saving counts from the first month, and falls with today's price."""
    gain = replace(
        case,
        api_usd_per_month=today - usd,
        hybrid=replace(
            case.hybrid, cost_share=1.0, escalation_share=0.0, router_usd_per_call=0.0, extra_error_rate=0.0
        ),
        mean_busy=0.0,
        project=replace(case.project, one_off_usd=0.0, build_months=0.0, shadow_months=0.0),
        hourly_busy=(),
    )
    return {
        "option": name,
        "usd_per_month": usd,
        "one_off_usd": 0.0,
        "fte": 0.0,
        "payback_from_start_months": 0.0 if usd < today else None,
        "npv_usd": {str(decline): _npv(gain, decline) for decline in (0.0, 0.3, 0.5)},
        "to_prove": to_prove,
    }


def _flips(evidence: Evidence, code: str) -> tuple[Flip, ...]:
    """For each input the factor nearest to 1 at which the code is another: steps outward, then bisection."""
    case = evidence.case

    def host(name: str) -> Callable[[float], Evidence]:
        return lambda factor: replace(
            evidence,
            case=replace(case, hosting=replace(case.hosting, **{name: getattr(case.hosting, name) * factor})),
        )

    inputs: dict[str, Callable[[float], Evidence]] = {
        "volume": lambda factor: scaled(evidence, factor),
        "GPU price": host("gpu_usd_per_hour"),
        "staff": host("fte"),
        "one-off cost": lambda factor: replace(
            evidence,
            case=replace(case, project=replace(case.project, one_off_usd=case.project.one_off_usd * factor)),
        ),
        "throughput": lambda factor: replace(evidence, case=replace(case, mean_busy=case.mean_busy / factor)),
    }
    found = [flip for name, change in inputs.items() if (flip := _nearest(name, change, code))]
    return tuple(sorted(found, key=lambda flip: max(flip.factor, 1 / flip.factor)))


def _nearest(name: str, change: Callable[[float], Evidence], code: str) -> Flip | None:
    step = 1.0
    while step < _FLIP_RANGE:
        before, step = step, step * 1.5
        for up in (True, False):
            far = step if up else 1 / step
            if _code(change(far))[0] == code:
                continue
            near = before if up else 1 / before
            for _ in range(8):
                middle = (near * far) ** 0.5
                if _code(change(middle))[0] == code:
                    near = middle
                else:
                    far = middle
            return Flip(name, far, _code(change(far))[0])
    return None
