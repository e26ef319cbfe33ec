"""More of what was observed, beside the lines that a verdict makes itself."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from breakeven_collector.economics.evidence import Line
from breakeven_collector.verdicts.observed import Profile


def observed_lines(profile: Profile, book: str) -> list[Line]:
    """Value, source, time and confidence of what else counts."""
    source = f"{len(profile.window.dates)} days of {'imported history' if profile.is_imported else 'calls'}"
    at = profile.window.end.date()
    calls, live = profile.calls, float(profile.live_usd)

    def seen(what: str, value: str | None, note: str = source, confidence: str = "observed") -> Line:
        return Line(what, value, note, at, "not observed" if value is None else confidence)

    return [
        seen("of the spend retries, left out", _usd(float(profile.retry_usd))),
        seen("of the spend research and sales, left out", _usd(float(profile.other_usd))),
        seen(
            "tokens a call",
            None
            if not calls
            else f"{profile.uncached_tokens / calls:,.0f} uncached, {profile.cached_tokens / calls:,.0f} cached, "
            f"{profile.output_tokens / calls:,.0f} output",
        ),
        seen("input from the cache", None if profile.cached_share is None else f"{profile.cached_share:.1%}"),
        seen("at a batch price already", _share_of(float(profile.batch_usd), live)),
        seen("at night, may wait", _share_of(float(profile.night_usd), live), source, "assumed"),
        seen("models", _parts({name: float(usd) for name, usd in profile.usd_by_model.items()})),
        seen("estimated, beside the spend", _usd(float(profile.estimated_usd)), "usage that nobody reported"),
        seen("price book", book or None, "active now"),
    ]


def document(line: Line) -> dict[str, Any]:
    """For JSON."""
    return {**asdict(line), "at": None if line.at is None else line.at.isoformat()}


def _parts(usd: Mapping[str, float]) -> str | None:
    whole = sum(usd.values())
    return ", ".join(f"{name} {one / whole:.0%}" for name, one in usd.items()) if whole else None


def _usd(value: float) -> str:
    return f"${value:,.0f}" if value >= 10 or value == 0 else f"${value:,.2f}"


def _share_of(part: float, whole: float) -> str | None:
    return f"{part / whole:.1%}" if whole else None
