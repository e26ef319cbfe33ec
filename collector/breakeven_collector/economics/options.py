"""The options side by side: what each costs a month and once, when it pays, what is still to be proved."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from breakeven_collector.economics import cash_flow
from breakeven_collector.economics.api_cost import Alternative
from breakeven_collector.economics.case import Case
from breakeven_collector.economics.evidence import Evidence
from breakeven_collector.economics.hybrid import hybrid_usd_per_month
from breakeven_collector.economics.private import WAYS

TUNING: Final = ("cache", "batch", "trimming", "combination")
IN_API: Final = (*TUNING, "smaller_model")
SHOWN_DECLINES: Final = (0.0, 0.3, 0.5)
HYBRID_SHARE: Final = 0.7
"""Of a hybrid's cost, where the declared share is all of it."""
WHOLE: Final = 0.95

_BOUGHT: Final = (
    ("tuned API", TUNING, "nothing of it was found in the traffic"),
    ("cheaper API model", ("smaller_model",), "no cheaper model is known for it: declare this"),
    ("provider's fine-tuning", ("provider_tuning",), "not priced: declare api.provider_tuning"),
    ("hosted open model", ("hosted_open_model",), "no host's price is known: declare this"),
)
_INSIDE: Final = tuple((what, (way,), f"not priced: declare private.{way}") for way, what in WAYS.items())
_TO_PROVE: Final = {"batch": "may it wait ?", "cache": "does it repeat ?"}
"""Kind → what is not known of an untested one, where it is not its quality."""


def table(evidence: Evidence) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Today, tuned API, cheaper API model, provider's fine-tuning, hosted open model, hybrid, self-hosted. Where third
    parties are forbidden: today, the ways to keep it inside, self-hosted.

    Every saving is against today's bill. Of each kind the cheapest tested alternative is shown, an untested one only
    where no other is.

    Returns:
        A row for each that has a price, and for each that has none what to declare.
    """
    case = priced(evidence.case, evidence)
    rows = [_bought("today", None, case)]
    unknown: list[dict[str, str]] = []
    is_inside = evidence.gates.third_parties_forbidden is True
    for name, kinds, lacking in _INSIDE if is_inside else _BOUGHT:
        if (one := cheapest(evidence.may_be_bought, kinds)) is None:
            tried = "smaller_model" in kinds and evidence.failed_models
            unknown.append({"option": name, "to_prove": "those that were tried failed" if tried else lacking})
        else:
            rows.append(_bought(name, one, case))
    share = case.hybrid.cost_share
    if is_inside:
        return [*rows, _hosted("self-hosted", case, 1.0, evidence)], unknown
    rows.append(_hosted("hybrid", case, share if 0 < share < WHOLE else HYBRID_SHARE, evidence))
    rows.append(_hosted("self-hosted", case, 1.0, evidence))
    return rows, unknown


def cheapest(found: Sequence[Alternative], kinds: Sequence[str]) -> Alternative | None:
    """Of these kinds the cheapest tested one, else the cheapest."""
    fit = [one for one in found if one.kind in kinds]
    return min(fit, key=lambda one: (not one.tested, one.usd_per_month), default=None)


def priced(case: Case, evidence: Evidence) -> Case:
    """The case with what the commitment of the evidence leaves."""
    return replace(case, committed_months=evidence.committed_months)


def at_decline(case: Case, decline: float) -> Case:
    """The same under another path of API prices."""
    return replace(case, market=replace(case.market, api_price_decline_per_year=decline))


def _bought(kind: str, one: Alternative | None, case: Case) -> dict[str, Any]:
    usd = case.api_usd_per_month if one is None else one.usd_per_month
    once = 0.0 if one is None else one.one_off_usd
    payback = cash_flow.payback_months(once, case.api_usd_per_month - usd)
    values = {decline: cash_flow.npv_of_buying(at_decline(case, decline), usd) - once for decline in SHOWN_DECLINES}
    return {
        "option": kind if one is None or one.name == kind else f"{kind}: {one.name}",
        "kind": kind,
        "usd_per_month": usd,
        "one_off_usd": once,
        "fte": 0.0,
        "payback_from_start_months": None if payback is None else case.committed_months + payback,
        "npv_usd": {str(decline): value for decline, value in values.items()},
        "to_prove": "nothing" if one is None or one.tested else _TO_PROVE.get(one.kind, "quality ?"),
    }


def _hosted(kind: str, case: Case, share: float, evidence: Evidence) -> dict[str, Any]:
    at = replace(case, hybrid=replace(case.hybrid, cost_share=share))
    gates = evidence.gates
    open_points = [
        point
        for point, is_settled in (
            ("quality ?", gates.quality_tested),
            ("staff ?", gates.staff),
            ("provider's terms ?", gates.terms),
        )
        if not is_settled
    ]
    return {
        "option": kind,
        "kind": kind,
        "cost_share": share,
        "usd_per_month": hybrid_usd_per_month(at),
        "one_off_usd": at.project.one_off_usd,
        "fte": at.hosting.fte,
        "payback_from_start_months": cash_flow.payback_of(at),
        "npv_usd": {str(decline): cash_flow.npv_usd(at_decline(at, decline)) for decline in SHOWN_DECLINES},
        "to_prove": ", ".join(open_points) or "nothing",
    }
