"""What a verdict stands on, line by line, and the questions that frameworks for this decision ask, answered from it."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from breakeven_collector.economics import assumptions as assumed
from breakeven_collector.economics.assumptions import Assumptions
from breakeven_collector.economics.evidence import Evidence, Line
from breakeven_collector.verdicts.evidence_of import observed_growth
from breakeven_collector.verdicts.observed import Profile

DECLARE: Final = "declare this"
_SHOWN: Final[Mapping[str, str]] = {
    "hosting.gpu_usd_per_hour": "GPU price",
    "hosting.prefill_tokens_per_s": "reading speed",
    "hosting.decode_tokens_per_s": "writing speed",
    "hosting.utilisation_at_peak": "use at the peak",
    "hosting.fte": "staff",
    "hosting.fte_usd_per_year": "a person",
    "hybrid.cost_share": "covered by the own model",
    "hybrid.escalation_share": "asked of the API after all",
    "project.one_off_usd": "one-off cost",
    "market.growth_per_month": "growth in the money",
    "market.discount_rate": "discount",
}


def evidence_lines(evidence: Evidence, profile: Profile, assumptions: Assumptions, book: str) -> list[Line]:
    """Value, source, time and confidence of all that counts."""
    window = profile.window
    when = f"{len(window.dates)} days of {'imported figures' if profile.is_imported else 'calls'}"
    at = window.end.date()

    def seen(what: str, value: str | None, note: str = when, confidence: str = "observed") -> Line:
        return Line(what, value, note, at, confidence)

    calls = profile.calls or 1.0
    growth = observed_growth(profile)
    peak_given = "peak_to_mean" in assumptions.given
    lines = [
        seen("spend in 30 days", _usd(evidence.spend_usd)),
        seen("of it retries, left out", _usd(float(profile.retry_usd))),
        seen("of it research and sales, left out", _usd(float(profile.other_usd))),
        seen("days of history", str(profile.days)),
        seen("calls a month", f"{evidence.case.calls_per_month:,.0f}"),
        seen(
            "tokens a call",
            f"{profile.uncached_tokens / calls:,.0f} uncached, {profile.cached_tokens / calls:,.0f} cached, "
            f"{profile.output_tokens / calls:,.0f} output",
        ),
        seen("input from the cache", _share(profile.cached_share)),
        Line(
            "busiest hours to the mean",
            f"{evidence.case.peak_to_mean:.1f}",
            "breakeven.toml" if peak_given else when,
            at,
            "declared" if peak_given else "observed",
        ),
        seen("replicas busy on average", f"{evidence.case.mean_busy:.3f}", "calls, over the assumed speed", "assumed"),
        seen("growth in 30 days, not in the money", _share(growth), "a fit of 28 days"),
        seen("a month's spend in 90 days, P90", _usd(evidence.spend_p90_at_90_days_usd), "the same fit", "assumed"),
        seen("at a batch price already", _share_of(float(profile.batch_usd), float(profile.live_usd))),
        seen("at night, may wait", _share_of(float(profile.night_usd), float(profile.live_usd)), when, "assumed"),
        seen("failed calls", _share_of(profile.failed_calls, profile.calls)),
        seen("a call takes", None if profile.mean_seconds is None else f"{profile.mean_seconds:.1f} s on average"),
        seen("models", _parts({name: float(usd) for name, usd in profile.usd_by_model.items()})),
        seen("providers", ", ".join(f"{name} {share:.0%}" for name, share in evidence.provider_shares) or None),
        seen("calls without a price", _share(evidence.unpriced_call_share)),
        seen("estimated or unseen, beside the spend", _usd(evidence.unseen_usd)),
        seen("of the bill without a feature", _usd(evidence.unallocated_usd)),
        seen("price book", book or None, "active now"),
    ]
    for row in assumed.rows(assumptions):
        if (what := _SHOWN.get(row["key"])) is not None:
            day = None if row["date"] is None else date.fromisoformat(row["date"])
            confidence = "assumed" if row["is_default"] else "declared"
            lines.append(Line(what, f"{row['value']:g} {row['unit']}", row["source"], day, confidence))
    return lines


def form(evidence: Evidence, profile: Profile) -> dict[str, list[Line]]:
    """Five questions, five dimensions and the path, each answered with a line or marked 'declare this'."""
    gates, at = evidence.gates, profile.window.end.date()
    seen = f"{len(profile.window.dates)} days of {'imported figures' if profile.is_imported else 'calls'}"

    def declared(what: str, value: bool | str | None, yes: str = "yes", no: str = "no") -> Line:
        if value is None:
            return Line(what, None, "[assumptions.gates]", None, DECLARE)
        text = value if isinstance(value, str) else yes if value else no
        by = f"breakeven.toml, {gates.declared_by}" if gates.declared_by else "breakeven.toml"
        return Line(what, text, by, _day(gates.declared_on), "declared")

    def observed(what: str, value: str | None) -> Line:
        return Line(what, value, seen, at, DECLARE if value is None else "observed")

    bands = evidence.bands
    total = evidence.total_spend_usd
    band = "stay" if total < bands.stay_usd else "look" if total > bands.look_usd else "between the bands"
    frontier = evidence.frontier_share
    private = declared(
        "third parties may not process it", gates.third_parties_forbidden, "forbidden", "third parties may"
    )
    task = declared(
        "a narrow task where an own model was tested", gates.quality_tested, "tested, and passed", "not yet"
    )
    staff = declared("people who can run it", gates.staff, "there are", "there are none")
    life = declared("where it is in its life", gates.lifecycle)
    failures = declared("systematic failures left after prompt and retrieval work", evidence.failures_persist)
    spend = observed("spend in 30 days, all features", f"{_usd(total)}: {band}")
    share = Line(
        "frontier models on its dollars",
        _share(frontier),
        "[assumptions.tiers]",
        at,
        DECLARE if frontier is None else "observed",
    )
    ahead = observed("its spend of a month in 90 days, P90", _usd(evidence.spend_p90_at_90_days_usd))
    return {
        "questions": [spend, share, private, task, staff],
        "dimensions": [
            task,
            private,
            observed(
                "latency and errors",
                None
                if profile.mean_seconds is None
                else f"{profile.mean_seconds:.1f} s, {_share_of(profile.failed_calls, profile.calls)} failed",
            ),
            observed("cost now", _usd(evidence.spend_usd)),
            staff,
        ],
        "path": [private, life, ahead, failures],
    }


def document(line: Line) -> dict[str, Any]:
    """For JSON."""
    return {
        "what": line.what,
        "value": line.value,
        "source": line.source,
        "at": None if line.at is None else line.at.isoformat(),
        "confidence": line.confidence,
    }


def _parts(usd: Mapping[str, float]) -> str | None:
    whole = sum(usd.values())
    return ", ".join(f"{name} {one / whole:.0%}" for name, one in usd.items()) if whole else None


def _usd(value: float | None) -> str | None:
    return None if value is None else f"${value:,.0f}" if value >= 10 or value == 0 else f"${value:,.2f}"


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.1%}"


def _share_of(part: float, whole: float) -> str | None:
    return f"{part / whole:.1%}" if whole else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
