"""What people decided about features, and what of it is to be looked at again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from breakeven_collector.economics import shutdowns
from breakeven_collector.economics.assumptions import Assumptions, load
from breakeven_collector.economics.shutdowns import Shutdown
from breakeven_collector.errors import BadRequest
from breakeven_collector.projects import of_project
from breakeven_collector.report import active_book
from breakeven_collector.store import Store
from breakeven_collector.verdicts import kept
from breakeven_collector.verdicts.observed import Profile, observe

_COLUMNS: Final = (
    *("project", "feature", "decided_at", "decision", "made_by", "note", "revisit_on", "verdict_digest"),
    *("book_version", "spend_usd"),
)
_MOVED_BY: Final = 0.30
_PRICE_MOVED: Final = 0.0005
_MONTHS_SIX: Final = timedelta(days=183)
_MOST_TEXT: Final = 2_000


class Decision(StrEnum):
    """What can be decided."""

    STAY = "stay"
    OPTIMISE = "optimise"
    HOSTED = "hosted"
    HYBRID = "hybrid"
    HOST = "host"
    PRIVATE = "private"


@dataclass(frozen=True)
class Record:
    """A decision to keep."""

    feature: str
    decision: Decision
    made_by: str
    note: str = ""
    revisit_on: date | None = None
    """None: six months on."""


def record(
    store: Store, what: Record, *, project: str | None = None, timezone: str = "UTC", now: datetime | None = None
) -> dict[str, Any]:
    """Keep a decision, with the spend and the verdict that it was made on; returns it as a document: recorded, verdict,
    unseen (None: there are calls of the feature).

    Raises:
        BadRequest: a field is empty or too long, or the day to look again is not ahead.
        StoreError: the store refuses.
    """
    now = now or datetime.now(UTC)
    if not what.feature.strip() or not what.made_by.strip():
        raise BadRequest(422, "a decision needs the feature, and in --by who made it")
    if max(len(what.feature), len(what.made_by), len(what.note)) > _MOST_TEXT:
        raise BadRequest(422, f"a decision's texts are up to {_MOST_TEXT:,} characters")
    if what.revisit_on is not None and not now.date() < what.revisit_on < date(2100, 1, 1):
        raise BadRequest(422, f"revisit is {what.revisit_on}; write a day after today")
    _, profiles = observe(store, now=now, timezone=timezone, project=project)
    profile = profiles.get(what.feature)
    before = kept.last(store, project, what.feature)
    row = {
        "project": project or "",
        "feature": what.feature,
        "decided_at": now,
        "decision": str(what.decision),
        "made_by": what.made_by,
        "note": what.note,
        "revisit_on": what.revisit_on or now.date() + _MONTHS_SIX,
        "verdict_digest": before.digest if before else "",
        "book_version": active_book(store) or "",
        "spend_usd": float(profile.spend_usd) if profile else None,
    }
    store.insert("decisions", _COLUMNS, [tuple(row[column] for column in _COLUMNS)])
    return {
        "recorded": _document(row),
        "verdict": before.sentence if before else None,
        "unseen": None if profile else _unseen(what.feature, profiles),
    }


def _unseen(feature: str, profiles: Mapping[str, Profile]) -> str:
    """It may be planned, or misspelled."""
    close = get_close_matches(feature, [name for name in profiles if name], 1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"no call of the last 30 days is of a feature {feature!r}{hint}"


def list_decisions(
    store: Store,
    *,
    config: Path | None = None,
    project: str | None = None,
    timezone: str = "UTC",
    now: datetime | None = None,
) -> dict[str, Any]:
    """All decisions, the newest first; `due` says why one is to be looked at again, and is empty for those that a later
    one on the same feature replaced.

    Args:
        config: `breakeven.toml`, for the announced ends of models; None: none is known.

    Raises:
        ConfigError: the assumptions do not fit.
        StoreError: the store cannot be read.
    """
    now = now or datetime.now(UTC)
    rows = store.query_file("decisions", of_project(project))
    if not rows:
        return {"decisions": []}
    assumptions = Assumptions() if config is None else load(config)
    seen_of: dict[tuple[str, str], Profile] = {}
    for owner in {row["project"] for row in rows}:
        _, profiles = observe(store, now=now, timezone=timezone, project=owner or None)
        seen_of |= {(owner, name): one for name, one in profiles.items()}
    book = active_book(store) or ""
    seen: set[tuple[str, str]] = set()
    documents: list[dict[str, Any]] = []
    for row in rows:
        key = (row["project"], row["feature"])
        ends = assumptions.of(row["feature"]).shutdowns
        why = [] if key in seen else _due(store, row, seen_of.get(key), ends, book, now)
        documents.append({**_document(row), "replaced": key in seen, "due": why})
        seen.add(key)
    return {"decisions": documents}


def _due(
    store: Store,
    row: Mapping[str, Any],
    profile: Profile | None,
    ends: Mapping[str, Shutdown],
    book: str,
    now: datetime,
) -> list[str]:
    spend, why = None if profile is None else float(profile.spend_usd), list[str]()
    if row["revisit_on"] is not None and row["revisit_on"] <= now.date():
        why.append(f"its day came: {row['revisit_on']}")
    before = row["spend_usd"]
    if before and abs((spend or 0.0) / before - 1) > _MOVED_BY:
        why.append(f"spend in 30 days was ${before:,.0f} and is ${spend or 0.0:,.0f}")
    if profile is not None:
        why += shutdowns.due(ends, profile.usd_by_model, row["decided_at"].date(), now.date())
    if row["book_version"] and row["book_version"] != book:
        why += _price_changes(store, row, book, now)
    return why


def _price_changes(store: Store, row: Mapping[str, Any], book: str, now: datetime) -> list[str]:
    """Of the feature's models: the same calls of the last 30 days by both books."""
    found = store.query_file(
        "price_moves",
        {
            **of_project(row["project"] or None),
            "feature": row["feature"],
            "before": row["book_version"],
            "now": book,
            "from": int((now - timedelta(days=30)).timestamp()),
        },
    )
    said: list[str] = []
    for one in found:
        was, is_now = one["before_usd"], one["now_usd"]
        if was and is_now is not None and abs(float(is_now / was) - 1) > _PRICE_MOVED:
            said.append(f"price of {one['model']} {float(is_now / was) - 1:+.0%}")
    return said


def _document(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "project": row["project"] or None,
        "feature": row["feature"],
        "decided_at": row["decided_at"].replace(tzinfo=UTC).isoformat(),
        "decision": row["decision"],
        "made_by": row["made_by"],
        "note": row["note"],
        "revisit_on": row["revisit_on"].isoformat() if row["revisit_on"] else None,
        "spend_usd": row["spend_usd"],
        "verdict_digest": row["verdict_digest"] or None,
        "book_version": row["book_version"] or None,
    }
