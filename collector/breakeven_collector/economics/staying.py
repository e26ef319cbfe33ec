"""Why a feature stays with the API although nothing stands in the way: each with its own reason and figure."""

from typing import Final

from breakeven_collector.economics import breakeven, cash_flow
from breakeven_collector.economics.api_cost import Alternative
from breakeven_collector.economics.case import Case
from breakeven_collector.economics.evidence import Evidence
from breakeven_collector.economics.hosting import hosting_usd_per_month, replicas
from breakeven_collector.economics.options import IN_API
from breakeven_collector.economics.words import listed, usd
from breakeven_collector.economics.would_pay import WouldPay

WORTH_SHARE: Final = 0.15
WORTH_USD: Final = 500.0
"""A measure in the API is worth a move from so much a month, and from that share of the bill."""
LONGEST_PAYBACK_MONTHS: Final = 12.0
"""From the start, of hosting that is advised."""
_FAR: Final = 0.2
"""Of the break-even: below it what matters is what the least of own hosting costs."""
_MOSTLY: Final = 0.5


def worth_usd(bill_usd: float) -> float:
    """What a measure in the API must save a month to be worth a move."""
    return max(WORTH_USD, WORTH_SHARE * bill_usd)


def untested(evidence: Evidence) -> list[Alternative]:
    """What was not tried yet and would be worth a move, if it holds: what saves most inside the API, tried first; with
    a host, where that saves more, the dearest open model that does, for it is the likeliest to pass."""
    if evidence.committed_months:
        return []
    least = worth_usd(evidence.case.api_usd_per_month)
    fit = [one for one in evidence.may_be_bought if not one.tested and one.saves_usd_per_month >= least]
    in_api = max((one for one in fit if one.kind in IN_API), key=lambda one: one.saves_usd_per_month, default=None)
    least = in_api.saves_usd_per_month if in_api else 0.0
    hosted = [one for one in fit if one.kind == "hosted_open_model" and one.saves_usd_per_month > least]
    dearest = max(hosted, key=lambda one: one.usd_per_month, default=None)
    return [one for one in (in_api, dearest) if one]


def why_not(evidence: Evidence, case: Case, threshold_usd: float | None, would: WouldPay) -> str:
    """A sentence.

    Args:
        case: against the best tested alternative.
        threshold_usd: the break-even, in dollars of today's bill.
    """
    held = evidence.live_usd
    stay = f"Stay. {usd(evidence.spend_usd)} a month"
    if case.committed_months:
        return (
            f"{stay}, and a commitment or credit burns down until {evidence.commitment_until}: nothing is saved before."
        )
    if evidence.spend_usd <= 0 or case.api_usd_per_month <= 0:
        return f"{stay}, and there is nothing to save on."
    if threshold_usd is None:
        return f"{stay}{_done(evidence)}; {_never(case)}."
    if held < _FAR * threshold_usd:
        return f"{stay}{_done(evidence)}; {_least(case)}. It would break even at {usd(threshold_usd)}."
    share, is_all = case.hybrid.cost_share, usd(held) == usd(evidence.spend_usd)
    what = "hosting" if share >= 1 else f"hosting {share:.0%} of {'it' if is_all else 'those'}"
    spent = stay if is_all else f"{stay}, {usd(held)} of it live calls"
    even, safe = f"{what} breaks even at {usd(threshold_usd)}", _safe(evidence, case, would)
    return f"{spent}; {even}.{safe}" if held < threshold_usd else f"{spent}: {even}, but is not safe yet.{safe}"


def _done(evidence: Evidence) -> str:
    """What is bought well already."""
    found: list[str] = []
    if (evidence.batch_share or 0) >= _MOSTLY:
        found.append("at the batch price")
    if evidence.frontier_share == 0:
        found.append("on small models")
    if (evidence.cached_share or 0) >= _MOSTLY:
        found.append(f"with {evidence.cached_share:.0%} of its input from the cache")
    return f", {listed(found)} already" if found else ""


def _never(case: Case) -> str:
    condition = breakeven.existence(case)
    if condition.saved_usd_per_month <= 0:
        return "hosting pays at no volume: escalations, routing and errors would cost what it saves"
    peaks = f"its busiest hours, {case.peak_to_mean:.1f} times the mean," if case.peak_to_mean >= 1.5 else "its load"
    cost, saved = usd(condition.needed_usd_per_month), usd(condition.saved_usd_per_month)
    told = f"{cost} where they replace {saved} of calls" if cost != saved else f"more than the {saved} they replace"
    return f"hosting pays at no volume: GPUs for {peaks} would cost {told}"


def _least(case: Case) -> str:
    count, people = replicas(case), case.hosting.fte
    parts = [
        *([f"{count} replicas" if count > 1 else "one replica"] if count else []),
        *([f"{people:g} people"] if people else []),
    ]
    cost = usd(hosting_usd_per_month(case))
    return f"{listed(parts)} of its own would cost {cost}" if parts else f"its own would cost {cost}"


def _safe(evidence: Evidence, case: Case, would: WouldPay) -> str:
    """What the stricter test asks: prices that halve every year, a payback within the year, and odds."""
    ways: list[str] = []
    if would.spend_usd_per_month is not None and would.spend_usd_per_month > evidence.case.api_usd_per_month:
        ways.append(f"{usd(would.spend_usd_per_month)} a month")
    # So small a share that it reads 0.00 is nobody's job.
    if would.fte is not None and 0.005 <= would.fte < case.hosting.fte:
        ways.append(f"{would.fte:.2f} instead of {case.hosting.fte:g} people")
    slower = would.price_decline_per_year
    slow = slower is not None and 0.005 <= slower < 0.5
    if ways:
        path = f"; at today's spend it pays if they fall by less than {slower:.0%} a year" if slow else ""
        return f" To be safe even if API prices halve every year it takes {listed(ways, 'or')}{path}."
    if slow:
        return f" It pays if API prices fall by less than {slower:.0%} a year."
    payback = cash_flow.payback_of(case)
    if payback is not None and payback > LONGEST_PAYBACK_MONTHS:
        return f" It pays back after {payback:.0f} months, and {LONGEST_PAYBACK_MONTHS:.0f} are the most."
    return " That it pays, over what its inputs may be, is not likely."
