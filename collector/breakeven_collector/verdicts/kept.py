"""The table `verdicts`: what was said, and from what; enough to work each one out again."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from breakeven_collector.economics.evidence import Evidence
from breakeven_collector.economics.verdict import Verdict, decide
from breakeven_collector.store import Store
from breakeven_collector.verdicts.observed import Window

_COLUMNS: Final = (
    *("project", "feature", "decided_at", "digest", "window_from", "window_to", "timezone", "book_version"),
    *("model_version", "code", "rule", "sentence", "spend_usd", "threshold_usd", "crosses_p10_on", "crosses_p50_on"),
    *("crosses_p90_on", "crosses_90_days", "is_above", "api_usd", "best", "best_saves_usd", "next_step", "options"),
    "inputs",
)
_EVIDENCE: Final = TypeAdapter(Evidence)


@dataclass(frozen=True)
class Kept:
    """A row of it."""

    feature: str
    decided_at: datetime
    digest: str
    book_version: str
    code: str
    sentence: str
    spend_usd: float
    threshold_usd: float | None
    next_step: str
    """Empty: told before it was kept."""
    inputs: str

    def evidence(self) -> Evidence | None:
        """What it was worked out from; None where another version of the program wrote it otherwise."""
        try:
            return _EVIDENCE.validate_json(self.inputs)
        except ValidationError:
            return None


def inputs_of(evidence: Evidence) -> str:
    """All that a verdict is worked out from, as JSON that `Kept.evidence` reads."""
    return _EVIDENCE.dump_json(evidence).decode()


def digest_of(inputs: str, book: str, model: str) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(f"{model}\n{book}\n{inputs}".encode()).hexdigest()


def last(store: Store, project: str | None, feature: str, other_than: str = "") -> Kept | None:
    """The last verdict on a feature that has another digest.

    Raises:
        StoreError: the store cannot be read.
    """
    rows = store.query_file(
        "last_verdict", {"project": project or "", "feature": feature, "digest": other_than}
    )  # fmt: skip
    return Kept(**{**rows[0], "decided_at": rows[0]["decided_at"].replace(tzinfo=UTC)}) if rows else None


@dataclass(frozen=True)
class Told:
    """A verdict, what it was worked out from, and the document that was told of it."""

    verdict: Verdict
    evidence: Evidence
    inputs: str
    document: Mapping[str, Any]


def append(
    store: Store, project: str | None, window: Window, book: str, model: str, found: Sequence[Told], now: datetime
) -> None:
    """Add verdicts with their inputs and digests, those apart that are the last ones of their features already.

    Raises:
        StoreError: the store refuses.
    """
    asked = (window.start.astimezone(UTC), window.end.astimezone(UTC), window.timezone, book, model)
    rows: list[tuple[Any, ...]] = []
    for told in found:
        before = last(store, project, told.verdict.feature)
        if before is not None and before.digest == told.document["digest"] and before.next_step:
            continue
        rows.append(
            (project or "", told.verdict.feature, now, told.document["digest"], *asked, *_as_told(told), told.inputs)
        )
    store.insert("verdicts", _COLUMNS, rows)


def _as_told(told: Told) -> tuple[Any, ...]:
    """From `code` to `options`."""
    document, verdict = told.document, told.verdict
    crossing, best = document["crossing"], document["best_in_api"]
    days = (crossing[name] for name in ("p10_on", "p50_on", "p90_on"))
    return (
        verdict.code,
        verdict.rule,
        verdict.sentence,
        document["spend_usd"],
        verdict.threshold_usd,
        *(None if day is None else date.fromisoformat(day) for day in days),
        crossing["probability_90_days"],
        crossing["is_above"],
        document["api_usd_per_month"],
        "" if best is None else f"{best['name']}{'' if best['is_tested'] else ' ?'}",
        None if best is None else best["saves_usd_per_month"],
        verdict.next_action,
        json.dumps(document["options"], ensure_ascii=False, separators=(",", ":")),
    )


def moved(before: Kept, verdict: Verdict, evidence: Evidence, book: str) -> dict[str, Any]:
    """What changed since a verdict, and which of it alone would have made the one of now.

    For that the old inputs are decided again with one group of them as it is now.
    """
    old = before.evidence()
    document: dict[str, Any] = {
        "decided_at": before.decided_at.isoformat(),
        "was": before.sentence,
        "was_code": before.code,
        "is_same": before.code == verdict.code,
        "changes": _changes(before, old, verdict, evidence, book),
        "moved_by": [],
    }
    if old is not None and before.code != verdict.code:
        document["moved_by"] = [
            name
            for name, change in _GROUPS.items()
            if decide(change(old, evidence), flips=False).code == verdict.code
        ]  # fmt: skip
    return document


def _traffic(old: Evidence, new: Evidence) -> Evidence:
    load = {
        name: getattr(new.case, name)
        for name in ("api_usd_per_month", "calls_per_month", "mean_busy", "peak_to_mean", "hourly_busy")
    }
    taken = {
        name: getattr(new, name)
        for name in ("as_of", "days", "spend_usd", "total_spend_usd", "spend_p90_at_90_days_usd")
    }
    # What was offered then, for as many dollars as there are now.
    was = old.case.api_usd_per_month
    more = new.case.api_usd_per_month / was if was else 0.0
    offers = [
        replace(one, usd_per_month=one.usd_per_month * more, saves_usd_per_month=one.saves_usd_per_month * more)
        for one in old.alternatives
    ]
    return replace(old, **taken, alternatives=offers, case=replace(old.case, **load))


def _assumptions(old: Evidence, new: Evidence) -> Evidence:
    parts = {name: getattr(new.case, name) for name in ("hosting", "hybrid", "project", "market", "burst")}
    return replace(
        old, bands=new.bands, gates=new.gates, commitment_until=new.commitment_until, case=replace(old.case, **parts)
    )


def _unknown(old: Evidence, new: Evidence) -> Evidence:
    names = ("unallocated_usd", "unseen_usd", "estimated_usd", "unpriced_call_share")
    return replace(old, **{name: getattr(new, name) for name in names})


def _offers(old: Evidence, new: Evidence) -> Evidence:
    return replace(old, alternatives=new.alternatives)


_GROUPS: Final[dict[str, Callable[[Evidence, Evidence], Evidence]]] = {
    "traffic": _traffic,
    "what was declared": _assumptions,
    "other offers": _offers,
    "what is unknown": _unknown,
}


def _changes(
    before: Kept, old: Evidence | None, verdict: Verdict, evidence: Evidence, book: str
) -> list[dict[str, Any]]:
    pairs: list[tuple[str, Any, Any]] = [
        ("verdict", before.sentence, verdict.sentence),
        ("spend in 30 days, USD", before.spend_usd, evidence.spend_usd),
        ("break-even, USD a month", before.threshold_usd, verdict.threshold_usd),
        ("price book", before.book_version, book),
    ]
    if old is not None:
        pairs += [
            ("calls a month", old.case.calls_per_month, evidence.case.calls_per_month),
            ("days of history", old.days, evidence.days),
            ("unallocated, USD", old.unallocated_usd, evidence.unallocated_usd),
            ("unpriced calls, share", old.unpriced_call_share, evidence.unpriced_call_share),
        ]
        for part in ("hosting", "hybrid", "project", "market"):
            pairs += _fields(part, getattr(old.case, part), getattr(evidence.case, part))
        pairs += _fields("gates", old.gates, evidence.gates)
    return [{"what": what, "before": was, "now": now} for what, was, now in pairs if was != now]


def _fields(part: str, old: Any, new: Any) -> list[tuple[str, Any, Any]]:
    return [(f"{part}.{one.name}", getattr(old, one.name), getattr(new, one.name)) for one in fields(old)]
