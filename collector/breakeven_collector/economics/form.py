"""What a verdict stands on, and the form of questions, dimensions and path: each line answered, or 'declare this'."""

from collections.abc import Mapping
from datetime import date
from operator import attrgetter
from typing import Final

from breakeven_collector.economics import met
from breakeven_collector.economics.assumptions import ENTRIES, Assumptions
from breakeven_collector.economics.case import Case
from breakeven_collector.economics.evidence import Evidence, Line
from breakeven_collector.economics.options import IN_API, cheapest
from breakeven_collector.economics.private import WAYS
from breakeven_collector.economics.words import usd

DECLARE: Final = "declare this"

ASSUMED: Final[Mapping[str, str]] = {
    "hosting.gpu_usd_per_hour": "GPU price",
    "hosting.gpus_per_replica": "GPUs a replica",
    "hosting.prefill_tokens_per_s": "reading speed",
    "hosting.decode_tokens_per_s": "writing speed",
    "hosting.utilisation_at_peak": "use at the peak",
    "hosting.fte": "staff",
    "hosting.fte_usd_per_year": "a person",
    "hybrid.cost_share": "share covered",
    "hybrid.escalation_share": "escalations, paid twice",
    "project.one_off_usd": "one-off cost",
    "project.build_months": "build",
    "project.shadow_months": "shadow",
    "market.growth_per_month": "growth in the money",
    "market.discount_rate": "discount",
}
"""Paths of the assumptions that a verdict shows."""


def evidence_lines(evidence: Evidence) -> list[Line]:
    """Observed, then assumed or declared, then what whoever made the evidence adds."""
    case = evidence.case
    alternative = cheapest(
        [one for one in evidence.may_be_bought if one.tested], (*IN_API, "provider_tuning", "hosted_open_model", *WAYS)
    )
    lines = [
        _seen(evidence, "spend in 30 days", usd(evidence.spend_usd)),
        _seen(evidence, "spend in 30 days, all features", usd(evidence.total_spend_usd)),
        _seen(evidence, "days of history", str(evidence.days)),
        _seen(evidence, "calls a month", _calls(case)),
        _line(evidence, "replicas busy on average", f"{case.mean_busy:.3g}", "calls over a replica's speed", "assumed"),
        _seen(evidence, "busiest hours to the mean", f"{case.peak_to_mean:.1f}"),
        _seen(evidence, "growth a month", _growth(evidence)),
        _seen(evidence, "failed calls", _share(evidence.error_share)),
        _seen(evidence, "a call takes, on average", _seconds(evidence.mean_seconds)),
        _seen(evidence, "95 in 100 calls take at most", _seconds(evidence.p95_seconds)),
        _seen(evidence, "of the bill, seen in calls", _share(evidence.coverage_share)),
        _seen(evidence, "calls without a price", _share(evidence.unpriced_call_share)),
        _seen(evidence, "dollars that may be its own as well", usd(evidence.unknown_usd)),
        _line(
            evidence,
            "best tested alternative",
            f"{alternative.name}, {usd(alternative.usd_per_month)} a month" if alternative else "today's bill",
            "prices of the book",
            "observed",
        ),
    ]  # fmt: skip
    for path, what in ASSUMED.items():
        origin = evidence.origins.get(path) or Assumptions().origin(path)
        day = date.fromisoformat(origin.read_on) if origin.read_on else None
        value = f"{attrgetter(path)(case):g} {ENTRIES[path][0]}"
        lines.append(Line(what, value, origin.source, day, origin.confidence))
    return [*lines, *evidence.lines]


def form(evidence: Evidence) -> dict[str, list[Line]]:
    """questions (five), dimensions (five), path (five steps), beside (providers, announced ends of models)."""
    gates = evidence.gates
    private = _told(
        evidence, "third parties may process it", None if gates.third_parties_forbidden is None
        else "no, it is forbidden" if gates.third_parties_forbidden else "yes",
    )  # fmt: skip
    staff = _yes(evidence, "engineering time to run it", gates.staff)
    residency = gates.residency
    if residency is None and gates.third_parties_forbidden:
        residency = True
    market = _told(
        evidence, "it has found its market", None if gates.lifecycle is None else _lifecycle(gates.lifecycle)
    )
    return {
        "questions": [
            _seen(evidence, "what is spent a month", _band(evidence)),
            _frontier(evidence),
            _yes(evidence, "residency is a real requirement", residency),
            _told(evidence, "a task for fine-tuning (format, words, repetition, latency)", gates.specific_task),
            staff,
        ],
        "dimensions": [
            _quality(evidence),
            private,
            _latency(evidence),
            _scale(evidence),
            staff,
        ],
        "path": [
            private,
            market,
            _soon(evidence),
            _yes(evidence, "systematic failures are left after prompt and retrieval work", gates.failures_persist),
            _told(evidence, "the provider offers fine-tuning", _tuning(evidence)),
        ],
        "beside": [
            _seen(evidence, "spend by provider", _providers(evidence)),
            _line(
                evidence,
                "announced ends of models in use",
                _ends(evidence),
                evidence.shutdown_source or "[assumptions.shutdowns]; price books do not say",
                "declared" if evidence.model_shutdowns else DECLARE,
            ),
        ],
    }  # fmt: skip


def _band(evidence: Evidence) -> str:
    bands, total = evidence.bands, evidence.total_spend_usd
    if total < bands.stay_usd:
        said = f"below {usd(bands.stay_usd)}: stay"
    elif total > bands.look_usd:
        said = f"above {usd(bands.look_usd)}: look"
    else:
        said = f"between {usd(bands.stay_usd)} and {usd(bands.look_usd)}"
    return f"{usd(total)} in all, {usd(evidence.spend_usd)} here; {said}"


def _frontier(evidence: Evidence) -> Line:
    what, share = "frontier models on workhorse tasks", evidence.frontier_share
    if share is None:
        return Line(what, None, "[assumptions.tiers]", None, DECLARE)
    smaller = cheapest(evidence.alternatives, ("smaller_model",))
    could = "" if smaller is None else f"; {smaller.name}{'' if smaller.tested else ' ?'} would take them"
    return _line(
        evidence, what, f"{share:.0%} of the dollars on frontier models{could}", "[assumptions.tiers]", "observed"
    )


def _quality(evidence: Evidence) -> Line:
    tested = evidence.gates.quality_tested
    value = None if tested is None else "an own model was tested, and passed" if tested else "no own model has passed"
    return _told(evidence, "quality and capability", value)


def _latency(evidence: Evidence) -> Line:
    told, observed = evidence.gates.objective_missed, met.kept(evidence)
    missed = told if observed is None else not observed or told is True
    parts = [
        *([f"{_seconds(evidence.mean_seconds)} on average"] if evidence.mean_seconds is not None else []),
        *([f"95 in 100 within {_seconds(evidence.p95_seconds)}"] if evidence.p95_seconds is not None else []),
        *([f"{_share(evidence.error_share)} failed"] if evidence.error_share is not None else []),
        *([] if missed is None else ["objective missed" if missed else "objective met"]),
    ]
    return _seen(evidence, "latency and reliability", ", ".join(parts) or None)


def _scale(evidence: Evidence) -> Line:
    ahead = evidence.spend_p90_at_90_days_usd
    later = "no forecast" if ahead is None else f"at most {usd(ahead)} in 90 days (nine of ten)"
    return _seen(evidence, "cost now and at scale", f"{usd(evidence.spend_usd)} a month; {later}")


def _soon(evidence: Evidence) -> Line:
    """Not soon: neither the total nor what the feature may come to passes its band."""
    ahead, bands = evidence.spend_p90_at_90_days_usd, evidence.bands
    most = max(evidence.spend_usd, ahead or 0.0)
    hurts = evidence.total_spend_usd >= bands.stay_usd or most >= bands.feature_usd
    value = f"{'yes' if hurts else 'no'}: at most {usd(most)} a month here within 90 days"
    return _seen(evidence, "the bill will hurt soon", value)


def _tuning(evidence: Evidence) -> str | None:
    one = cheapest(evidence.alternatives, ("provider_tuning",))
    return None if one is None else f"{one.name}, {usd(one.usd_per_month)} a month"


def _providers(evidence: Evidence) -> str | None:
    return ", ".join(f"{name} {share:.0%}" for name, share in evidence.provider_shares) or None


def _ends(evidence: Evidence) -> str:
    said = [f"{model} on {day} ({share:.0%} of the dollars)" for model, day, share in evidence.model_shutdowns]
    return ", ".join(said) or "none is declared"


def _lifecycle(lifecycle: str) -> str:
    return "not yet, it is being validated" if lifecycle == "validating" else f"yes ({lifecycle})"


def _seen(evidence: Evidence, what: str, value: str | None) -> Line:
    source = f"{evidence.days} days of {'imported history' if evidence.is_imported else 'calls'}"
    return _line(evidence, what, value, source, "observed" if value is not None else "not observed")


def _line(evidence: Evidence, what: str, value: str | None, source: str, confidence: str) -> Line:
    return Line(what, value, source, evidence.as_of, confidence)


def _yes(evidence: Evidence, what: str, value: bool | None) -> Line:
    return _told(evidence, what, None if value is None else "yes" if value else "no")


def _told(evidence: Evidence, what: str, value: str | None) -> Line:
    if value is None:
        return Line(what, None, "[assumptions.gates]", None, DECLARE)
    gates = evidence.gates
    source = f"breakeven.toml, {gates.declared_by}" if gates.declared_by else "breakeven.toml"
    return Line(what, value, source, date.fromisoformat(gates.declared_on) if gates.declared_on else None, "declared")


def _growth(evidence: Evidence) -> str | None:
    told = _share(evidence.growth_per_month)
    return told if told is None or evidence.growth_is_clear else f"{told}, within the days' noise"


def _calls(case: Case) -> str | None:
    """None where there is a load, and nobody counted the calls that make it."""
    return None if case.mean_busy and not case.calls_per_month else f"{case.calls_per_month:,.0f}"


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.1%}"


def _seconds(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f} s"
