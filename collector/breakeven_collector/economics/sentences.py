"""A verdict in a sentence that a manager reads, and what to do next. No code and no rule number is in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from breakeven_collector.economics.api_cost import Alternative
from breakeven_collector.economics.case import Case
from breakeven_collector.economics.evidence import Evidence
from breakeven_collector.economics.hosting import hosting_usd_per_month
from breakeven_collector.economics.hybrid import hybrid_usd_per_month
from breakeven_collector.economics.options import IN_API, cheapest
from breakeven_collector.economics.private import WAYS
from breakeven_collector.economics.staying import untested, why_not
from breakeven_collector.economics.words import listed, usd
from breakeven_collector.economics.would_pay import WouldPay

_NOT_PRICED = "not priced"
_GATE_WORDS = {"staff": "people to run it", "terms": "the provider's terms on training"}


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


def sentence(said: Said) -> str:
    """The verdict in words."""
    evidence, case = said.evidence, said.case
    bill = f"{usd(evidence.spend_usd)} a month"
    saving = case.api_usd_per_month - hybrid_usd_per_month(case)
    match said.rule:
        case 1:
            who = f", {evidence.gates.declared_by} decided" if evidence.gates.declared_by else ""
            ways = listed([f"{way} ({cost})" for way, cost in _inside(evidence).items()])
            return (
                f"Keep it inside: no third party may process this{who}. Compare {ways}; cost informs, it does not "
                "decide."
            )
        case 2:
            return f"Not enough is known yet. Missing: {'; '.join(said.missing)}."
        case 3:
            return f"Stay. {bill}, and the feature is still finding its market."
        case 4:
            best = cheapest([one for one in evidence.alternatives if one.saves_usd_per_month > 0], IN_API)
            more = ""
            if best is not None:
                doubt = "" if best.tested else " ?"
                more = f" In the API, {best.name}{doubt} would save {usd(best.saves_usd_per_month)}."
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
            said_why = why_not(evidence, case, said.threshold_usd, said.would_pay)
            others = [f"{_named(one)} ? ({usd(one.saves_usd_per_month)} a month less)" for one in untested(evidence)]
            return said_why + (f" Not tried yet: {listed(others)}." if others else "")


def next_action(said: Said) -> str:
    """The next step, to be read after "Next:"."""
    gates = said.evidence.gates
    match said.rule:
        case 1:
            open_ways = [way for way, cost in _inside(said.evidence).items() if cost == _NOT_PRICED]
            if open_ways:
                return f"get a price for {listed(open_ways)}, and declare it"
            return "compare them with the people who decided that"
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
            return _try(said.evidence) or "nothing but to look again"


def _inside(evidence: Evidence) -> dict[str, str]:
    """The ways to keep it inside, with what each costs a month."""
    found = {one.kind: f"{usd(one.usd_per_month)} a month" for one in evidence.may_be_bought}
    whole = replace(evidence.case, hybrid=replace(evidence.case.hybrid, cost_share=1.0))
    return {
        **{what: found.get(way, _NOT_PRICED) for way, what in WAYS.items()},
        "your own GPUs": f"{usd(hosting_usd_per_month(whole))} a month",
    }


def best_in_api(evidence: Evidence) -> Alternative | None:
    """The tested measure or model inside the API that saves most."""
    fit = [one for one in evidence.alternatives if one.tested and one.kind in IN_API]
    return max(fit, key=lambda one: one.saves_usd_per_month, default=None)


def _named(one: Alternative) -> str:
    return f"{one.name} from a host" if one.kind == "hosted_open_model" else one.name


def _try(evidence: Evidence) -> str | None:
    others = untested(evidence)
    if not others:
        return None
    other = others[0]
    saved = f"it would save {usd(other.saves_usd_per_month)} a month"
    match other.kind:
        case "batch":
            return f"ask whether it may wait for a day, and declare api.batch_share; {saved}"
        case "cache":
            return f"see what repeats at the start of its prompts; {saved}"
        case _:
            return f"shadow: run {_named(other)} beside today's model and compare; {saved}"


def _against(said: Said) -> str:
    return "today's bill" if said.best is None else f"{said.best.name} at {usd(said.best.usd_per_month)}"
