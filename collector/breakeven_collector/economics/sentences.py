"""A verdict in a sentence that a manager reads, and what to do next. No code and no rule number is in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from breakeven_collector.economics import breakeven, cash_flow
from breakeven_collector.economics.api_cost import Alternative
from breakeven_collector.economics.case import Case
from breakeven_collector.economics.evidence import Evidence
from breakeven_collector.economics.hybrid import hybrid_usd_per_month
from breakeven_collector.economics.options import IN_API, at_decline, cheapest
from breakeven_collector.economics.words import listed, usd

_GATE_WORDS = {"staff": "people to run it", "terms": "the provider's terms on training"}
_STEPS = 30


@dataclass(frozen=True)
class WouldPay:
    """What would make hosting pay: each alone, the NPV with the API's price halving every year at 0 (δ for its own)."""

    spend_usd_per_month: float | None
    fte: float | None
    """At most so many people."""
    price_decline_per_year: float | None
    """At most so fast may prices fall; 1 is at any pace."""


@dataclass(frozen=True)
class Said:
    """What a sentence is made from."""

    evidence: Evidence
    rule: int
    code: str
    case: Case
    """Against the best tested alternative."""
    best: Alternative | None
    threshold_usd: float | None
    would_pay: WouldPay
    blocked: Sequence[str]
    missing: Sequence[str]


def would_pay(case: Case, today_usd: float) -> WouldPay:
    """At what spend, staff share and price path hosting would pay.

    Args:
        today_usd: today's bill, in whose dollars the spend is; the case's own may be a cheaper alternative's.
    """
    spend = breakeven.npv_spend(case, 0.5)
    in_today = None if spend is None else spend / case.api_usd_per_month * today_usd
    return WouldPay(in_today, _staff(at_decline(case, 0.5)), _decline(case))


def sentence(said: Said) -> str:
    """The verdict in words."""
    evidence, case = said.evidence, said.case
    bill = f"{usd(evidence.spend_usd)} a month"
    saving = case.api_usd_per_month - hybrid_usd_per_month(case)
    match said.rule:
        case 1:
            who = f", {evidence.gates.declared_by} decided" if evidence.gates.declared_by else ""
            return (
                f"Keep it inside: no third party may process this{who}. Compare a vendor's model in your own cloud "
                "account, an open model in your own network, and your own GPUs; cost informs, it does not decide."
            )
        case 2:
            return f"Not enough is known yet. Missing: {'; '.join(said.missing)}."
        case 3:
            return f"Stay. {bill}, and the feature is still finding its market."
        case 4:
            saved = cheapest([one for one in evidence.alternatives if one.saves_usd_per_month > 0], IN_API)
            more = "" if saved is None else f" In the API, {saved.name} would save {usd(saved.saves_usd_per_month)}."
            return f"Stay. {bill} is too little to move for.{more}"
        case 5:
            top = best_in_api(evidence)
            name, usd_saved = (top.name, top.saves_usd_per_month) if top else ("tuning", 0.0)
            return f"Save in the API first: {name} takes {usd(usd_saved)} off {bill}."
        case 6:
            name, price = (said.best.name, said.best.usd_per_month) if said.best else ("an open model", 0.0)
            return f"Buy {name} from a host: {usd(price)} a month instead of {usd(evidence.case.api_usd_per_month)}."
        case 7:
            whole = said.code == "FINE_TUNE_AND_HOST"
            how = "Host it yourself" if whole else f"Host {case.hybrid.cost_share:.0%} of it yourself"
            doubt = "" if evidence.gates.quality_tested else ", if its quality holds"
            return f"{how}{doubt}: that saves {usd(saving)} a month against {_against(said)}."
        case 8:
            settle = listed([_GATE_WORDS[name] for name in said.blocked])
            return f"Stay for now. Hosting would save {usd(saving)} a month, once this is settled: {settle}."
        case _:
            return f"Stay. {bill}, and {_why_not(said)}"


def next_action(said: Said) -> str:
    """The next step, to be read after "Next:"."""
    gates = said.evidence.gates
    match said.rule:
        case 1:
            return "compare a vendor's model in your own account, an open model in your network, and own GPUs"
        case 2:
            first = said.missing[0]
            return f"find {first}" if first.startswith("the owner") else f"get {first}"
        case 3:
            return "nothing but to look again, once the feature has found its market"
        case 4:
            return "take what the API offers to save, and look again"
        case 5:
            return "do that, then decide again at the new cost"
        case 6:
            return "move the feature to that model, then decide again"
        case 7:
            return "build it" if gates.quality_tested else "shadow: run it beside the API and compare"
        case 8:
            settle = listed([_GATE_WORDS[name] for name in said.blocked])
            return f"settle this: {settle}; declare it in [assumptions.gates]"
        case _:
            return "nothing but to look again"


def best_in_api(evidence: Evidence) -> Alternative | None:
    """The tested measure or model inside the API that saves most."""
    fit = [one for one in evidence.alternatives if one.tested and one.kind in IN_API]
    return max(fit, key=lambda one: one.saves_usd_per_month, default=None)


def _against(said: Said) -> str:
    return "today's bill" if said.best is None else f"{said.best.name} at {usd(said.best.usd_per_month)}"


def _why_not(said: Said) -> str:
    until = said.evidence.commitment_until
    if said.case.committed_months:
        return f"a commitment or credit burns down until {until}: nothing is saved before."
    if said.evidence.spend_usd <= 0 or said.case.api_usd_per_month <= 0:
        return "there is nothing to save on."
    if said.threshold_usd is None:
        return "hosting does not pay at any volume: its GPUs and people cost more than the calls they replace."
    would = said.would_pay
    ways: list[str] = []
    if would.spend_usd_per_month is not None and would.spend_usd_per_month > said.evidence.case.api_usd_per_month:
        ways.append(f"from {usd(would.spend_usd_per_month)} a month")
    # So small a share that it reads 0.00 is nobody's job.
    if would.fte is not None and 0.005 <= would.fte < said.case.hosting.fte:
        ways.append(f"with {would.fte:.2f} instead of {said.case.hosting.fte:g} people")
    slower = would.price_decline_per_year
    only = f"if API prices fell by less than {slower:.0%} a year" if slower and slower < 0.5 else None
    if ways:
        even = f" It would {listed(ways, 'or')}, even with API prices halving every year"
        at_this = f"; at today's spend only {only}" if only else ""
        return f"hosting does not pay.{even}{at_this}."
    return f"hosting does not pay.{f' It would {only}.' if only else ''}"


def _staff(case: Case) -> float | None:
    """The NPV falls in a straight line with people; None where it is negative without any."""
    none = cash_flow.npv_usd(replace(case, hosting=replace(case.hosting, fte=0.0)))
    one = cash_flow.npv_usd(replace(case, hosting=replace(case.hosting, fte=1.0)))
    return none / (none - one) if none >= 0 and none > one else None


def _decline(case: Case) -> float | None:
    low, high = 0.0, 1.0
    if cash_flow.npv_usd(at_decline(case, low)) < 0:
        return None
    if cash_flow.npv_usd(at_decline(case, high)) >= 0:
        return high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if cash_flow.npv_usd(at_decline(case, middle)) >= 0 else (low, middle)
    return low
