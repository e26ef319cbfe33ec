"""The verdict: rules of docs/economics.md from the top, the first that fits."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

from breakeven_collector.economics import answer, breakeven, cash_flow, met, montecarlo, options, sentences
from breakeven_collector.economics.api_cost import Alternative
from breakeven_collector.economics.case import Case
from breakeven_collector.economics.evidence import DAYS_NEEDED, Evidence, Line
from breakeven_collector.economics.flips import Flip, Outcome, Switch, nearest, scaled, switches
from breakeven_collector.economics.form import evidence_lines, form
from breakeven_collector.economics.gates import Gates
from breakeven_collector.economics.hybrid import hybrid_usd_per_month
from breakeven_collector.economics.options import at_decline, priced
from breakeven_collector.economics.revisit import premises, revisit
from breakeven_collector.economics.sentences import Said
from breakeven_collector.economics.staying import LONGEST_PAYBACK_MONTHS, worth_usd
from breakeven_collector.economics.words import usd
from breakeven_collector.economics.would_pay import WouldPay, would_pay

_MOST_UNPRICED: Final = 0.05
_DECLINE_TO_BEAR: Final = 0.5
_DRAWS: Final = 200


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
    """The own break-even at the declared staff share, in dollars of today's bill."""
    threshold_reason: str | None
    thresholds_by_fte: list[dict[str, Any]]
    blocked_by: tuple[str, ...]
    missing: tuple[str, ...]
    flags: tuple[str, ...]
    alternative: Alternative | None
    """The best tested one, against which hosting is measured."""
    options: list[dict[str, Any]]
    chance: montecarlo.Chance
    flips: tuple[Flip, ...] = ()
    options_to_declare: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """Of the seven options those without a price, and what to declare."""
    switches: tuple[Switch, ...] = ()
    """What is declared, or assumed as none, and would make it another."""
    saving_usd_per_month: float = 0.0
    """Of what it advises, against today's bill; 0 while a commitment burns down."""
    would_pay: WouldPay | None = None
    """What would make hosting pay."""
    revisit_because: str = ""
    premises: dict[str, Any] = field(default_factory=dict[str, Any])
    evidence: list[Line] = field(default_factory=list[Line])
    form: dict[str, list[Line]] = field(default_factory=dict[str, list[Line]])
    beside: tuple[str, ...] = ()
    """The flags in words."""


def decide(evidence: Evidence, *, flips: bool = True) -> Verdict:
    """The verdict on one feature.

    Args:
        flips: Also look for the nearest change of each input that would make it another; that takes seconds.
    """
    case, alternative = against_best(evidence)
    code, rule, blocked, missing = _code(evidence)
    found = breakeven.find(case)
    today = evidence.case.api_usd_per_month
    # Where the alternative is cheaper than today's bill, volume is what the two have in common.
    in_today = today / case.api_usd_per_month if case.api_usd_per_month > 0 else 1.0
    threshold = None if found.spend_usd_per_month is None else found.spend_usd_per_month * in_today
    would = would_pay(case, today)
    said = Said(evidence, rule, code, case, alternative, threshold, would, blocked, missing)
    rows, unknown = options.table(evidence)
    look, why = revisit(evidence)
    gates = evidence.gates
    missed = met.missed(evidence)
    flags = {"quality_driven": gates.failures_persist, "latency_driven": bool(missed) or gates.objective_missed}
    return Verdict(
        evidence.feature,
        code,
        rule == 7 and not gates.quality_tested,
        sentences.sentence(said),
        rule,
        sentences.next_action(said),
        look,
        threshold,
        found.reason,
        [_in_dollars_of_today(row, in_today) for row in answer.by_staff(case)],
        blocked,
        missing,
        tuple(name for name, holds in flags.items() if holds),
        alternative,
        rows,
        montecarlo.chance(case, draws=_DRAWS),
        nearest(evidence, (code, bool(blocked)), _outcome) if flips else (),
        unknown,
        switches(evidence, (code, bool(blocked)), _outcome) if flips else (),
        _saving(said),
        would,
        why,
        premises(evidence),
        evidence_lines(evidence),
        form(evidence),
        _beside(gates, missed),
    )


def against_best(evidence: Evidence) -> tuple[Case, Alternative | None]:
    """The case measured against the best tested alternative that is not hosting, and which that is."""
    case = priced(evidence.case, evidence)

    def paid_off(one: Alternative) -> float:
        return one.usd_per_month + one.one_off_usd / case.project.amortise_months

    tested = [one for one in evidence.may_be_bought if one.tested]
    cheapest = min(tested, key=paid_off, default=None)
    # Today's own bill stands among them too, and may come out a rounding error cheaper than it is.
    if cheapest is None or cheapest.kind == "today" or paid_off(cheapest) >= case.api_usd_per_month:
        return case, None
    return replace(case, api_usd_per_month=paid_off(cheapest)), cheapest


def _outcome(evidence: Evidence) -> Outcome:
    code, _, blocked, _ = _code(evidence)
    return code, bool(blocked)


def _code(evidence: Evidence) -> tuple[str, int, tuple[str, ...], tuple[str, ...]]:
    """Code, rule, what blocks, what is missing."""
    if evidence.gates.third_parties_forbidden:
        return "PRIVATE_DEPLOYMENT", 1, (), ()
    missing: list[str] = []
    seen = "usage" if evidence.is_imported else "calls"
    if evidence.days < DAYS_NEEDED:
        lacking = DAYS_NEEDED - evidence.days
        days = "one more day" if lacking == 1 else f"{lacking} more days"
        missing.append(f"{days} of {seen} ({usd(evidence.spend_usd)} seen so far)")
    if evidence.unpriced_call_share > _MOST_UNPRICED:
        missing.append(f"prices for {evidence.unpriced_call_share:.0%} of the {seen}")
    own = _from_rule_3(evidence)
    unknown = evidence.unknown_usd
    if not missing and unknown > 0 and evidence.spend_usd > 0:
        # Twice: with its own dollars, and with all that might be its as well; the total has the unallocated already.
        total = evidence.total_spend_usd + unknown - evidence.unallocated_usd
        most = replace(scaled(evidence, 1 + unknown / evidence.spend_usd), total_spend_usd=total)
        if _from_rule_3(most)[0] != own[0]:
            missing.append(f"the owner of {usd(unknown)} ({_unknown(evidence)}), which could turn the answer")
    if missing:
        return "INSUFFICIENT_DATA", 2, (), tuple(missing)
    return (*own, ())


def _from_rule_3(evidence: Evidence) -> tuple[str, int, tuple[str, ...]]:
    gates, bill = evidence.gates, evidence.case.api_usd_per_month
    if gates.lifecycle == "validating":
        return "STAY", 3, ()
    ahead = evidence.spend_p90_at_90_days_usd
    ahead = evidence.spend_usd if ahead is None else ahead
    if evidence.total_spend_usd < evidence.bands.stay_usd and ahead < evidence.bands.feature_usd:
        return "STAY", 4, ()
    if bill <= 0:
        return "STAY", 9, ()
    # While a commitment burns down nothing is saved.
    top = None if evidence.committed_months else sentences.best_in_api(evidence)
    if top is not None and top.saves_usd_per_month >= worth_usd(bill):
        return "OPTIMISE_IN_API", 5, ()
    if _buying_is_best(evidence):
        return "HOSTED_OPEN_MODEL", 6, ()
    case, _ = against_best(evidence)
    if not _pays(case):
        return "STAY", 9, ()
    blocked = tuple(name for name, value in (("staff", gates.staff), ("terms", gates.terms)) if value is not True)
    if blocked:
        return "STAY", 8, blocked
    return ("FINE_TUNE_AND_HOST" if case.hybrid.cost_share >= options.WHOLE else "HYBRID"), 7, ()


def _buying_is_best(evidence: Evidence) -> bool:
    """A tested host's model has the best NPV of all options, at the price decline that hosting must bear as well."""
    at = at_decline(priced(evidence.case, evidence), _DECLINE_TO_BEAR)
    tested = [one for one in evidence.may_be_bought if one.tested]
    values = {one.name: cash_flow.npv_of_buying(at, one.usd_per_month) - one.one_off_usd for one in tested}
    best = max(tested, key=lambda one: values[one.name], default=None)
    if best is None or best.kind != "hosted_open_model" or values[best.name] <= 0:
        return False
    whole = replace(at, hybrid=replace(at.hybrid, cost_share=1.0))
    return values[best.name] > max(cash_flow.npv_usd(at), cash_flow.npv_usd(whole))


def _pays(case: Case) -> bool:
    """Rule 7 without the gates: NPV at half the price a year, payback from the start, P(NPV > 0)."""
    if cash_flow.npv_usd(at_decline(case, _DECLINE_TO_BEAR)) <= 0:
        return False
    payback = cash_flow.payback_of(case)
    if payback is None or payback > LONGEST_PAYBACK_MONTHS:
        return False
    return montecarlo.is_likely(case, draws=_DRAWS)


def _beside(gates: Gates, missed: Sequence[str]) -> tuple[str, ...]:
    found: list[str] = []
    if gates.failures_persist:
        found.append("failures persist after work on prompt and retrieval: quality asks for a model of its own, too")
    if missed:
        found.append(f"the API misses an objective: {'; '.join(missed)}")
    elif gates.objective_missed:
        found.append("the API misses an objective of latency or quality, as declared")
    return tuple(found)


def _saving(said: Said) -> float:
    evidence, bill = said.evidence, said.evidence.case.api_usd_per_month
    if evidence.committed_months:
        return 0.0
    match said.rule:
        case 5:
            top = sentences.best_in_api(evidence)
            return top.saves_usd_per_month if top else 0.0
        case 6:
            return bill - said.best.usd_per_month if said.best else 0.0
        case 7:
            return bill - hybrid_usd_per_month(evidence.case)
        case _:
            return 0.0


def _in_dollars_of_today(row: dict[str, Any], factor: float) -> dict[str, Any]:
    return {
        key: value * factor if key.endswith("_usd_per_month") and value is not None else value
        for key, value in row.items()
    }


def _unknown(evidence: Evidence) -> str:
    kinds = {
        "unallocated": evidence.unallocated_usd,
        "unseen": evidence.unseen_usd,
        "estimated": evidence.estimated_usd,
    }
    return " and ".join(name for name, value in kinds.items() if value)
