"""The log of state machines in the store, and what is to be told.

A state is the next version of its machine, and its insert's token names machine and version: of two collectors that
write the same version one wins, and the other looks again. What is to be told stands in the state itself, so that no
end of the process loses it: events are made from the states that have one, before and after each evaluation.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from breakeven_collector.alerts.documents import digest_json, event_json, read_event
from breakeven_collector.alerts.events import Digest, Event, Rule
from breakeven_collector.alerts.machines import Key, Move, Snooze
from breakeven_collector.alerts.moments import utc
from breakeven_collector.alerts.rules_month import Forecast
from breakeven_collector.alerts.state import State, Status
from breakeven_collector.store import Store

DIGEST_RULE: Final = "digest"
"""As digests are kept among the events."""
_STATE_COLUMNS: Final = (
    *("project", "rule", "subject", "version", "state", "since", "at", "fired_at", "told_at", "tellings", "is_active"),
    *("marker", "usd", "limit_usd", "headline", "event_id", "event", "writer"),
)
_EVENT_COLUMNS: Final = (
    *("id", "project", "rule", "subject", "change", "at", "since", "headline", "usd", "limit_usd", "document"),
)  # fmt: skip
_FORECAST_COLUMNS: Final = (
    *("project", "feature", "month", "made_at", "so_far_usd", "p10_usd", "p50_usd", "p90_usd", "budget_usd", "reason"),
)  # fmt: skip


@dataclass(frozen=True)
class Held:
    """A machine as the store has it."""

    state: State
    version: int
    headline: str
    """That was told last, or would have been."""
    limit_usd: float | None = None
    """What it was held against then."""


class AlertLog:
    """The tables `alert_states`, `alert_events`, `alert_snoozes`, `alert_runs` and `forecasts` of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def states(self) -> dict[str, dict[Key, Held]]:
        """Project → the machines that something is known of.

        Raises:
            StoreError: the store cannot be read.
        """
        found: dict[str, dict[Key, Held]] = {}
        for row in self._store.rows("SELECT * FROM alerts_now"):
            if row["rule"] in [*Rule]:
                found.setdefault(row["project"], {})[Rule(row["rule"]), row["subject"]] = _held(row)
        return found

    def snoozes(self, project: str) -> list[Snooze]:
        """Those of a project and of all; of each rule and subject the last word.

        Raises:
            StoreError: the store cannot be read.
        """
        rows = self._store.rows(
            "SELECT rule, subject, every_subject, argMax(until, made_at) AS until FROM alert_snoozes "
            "WHERE project IN ('', {project:String}) GROUP BY project, rule, subject, every_subject",
            {"project": project},
        )
        return [
            Snooze(Rule(row["rule"]), None if row["every_subject"] else row["subject"], utc(row["until"]))
            for row in rows
            if row["rule"] in [*Rule]
        ]

    def write(self, project: str, moves: Sequence[tuple[Move, Event | None]], held: Mapping[Key, Held]) -> set[Key]:
        """Write the next state of each; returns the machines that another collector moved on meanwhile.

        Raises:
            StoreError: the store refuses.
        """
        writer = uuid4().hex
        versions: dict[Key, int] = {}
        for one, event in moves:
            version = held[one.key].version + 1 if one.key in held else 1
            versions[one.key] = version
            row = _state_row(project, one, event, version, writer)
            name = "\n".join((project, *one.key, str(version)))
            token = f"state/{hashlib.sha256(name.encode()).hexdigest()}"
            self._store.insert("alert_states", _STATE_COLUMNS, [row], token=token)
        if not moves:
            return set()
        rows = self._store.rows(
            "SELECT rule, subject FROM alert_states WHERE project = {project:String} AND writer = {writer:String}",
            {"project": project, "writer": writer},
        )
        mine = {(Rule(row["rule"]), row["subject"]) for row in rows if row["rule"] in [*Rule]}
        return versions.keys() - mine

    def settle(self) -> list[Event]:
        """Make events of the states that have one and are not among the events yet; returns them.

        Raises:
            StoreError: the store refuses.
        """
        rows = self._store.rows(
            "SELECT event FROM alert_states WHERE event_id != '' AND event_id NOT IN (SELECT id FROM alert_events) "
            "ORDER BY at, project, rule, subject LIMIT 1 BY event_id"
        )
        events = [read_event(row["event"]) for row in rows]
        for event in events:
            row = (
                event.id, event.project, str(event.rule), event.subject, str(event.change), event.at, event.since,
                event.headline, event.figure.usd, event.figure.limit_usd, event_json(event),
            )  # fmt: skip
            self._store.insert("alert_events", _EVENT_COLUMNS, [row], token=f"event/{event.id}")
        return events

    def add_digest(self, digest: Digest, at: datetime) -> bool:
        """Keep a digest; False: it is kept already.

        Raises:
            StoreError: the store refuses.
        """
        if self._store.rows("SELECT id FROM alert_events WHERE id = {id:String} LIMIT 1", {"id": digest.id}):
            return False
        row = (
            digest.id, digest.project, DIGEST_RULE, "", "", at, at, digest.headline, None, None, digest_json(digest)
        )  # fmt: skip
        self._store.insert("alert_events", _EVENT_COLUMNS, [row], token=f"event/{digest.id}")
        return True

    def add_forecasts(self, project: str, made: Sequence[Forecast], at: datetime) -> None:
        """Append those that are other ones than the last.

        Raises:
            StoreError: the store refuses.
        """
        last = {
            (row["feature"], row["month"]): row
            for row in self._store.rows("SELECT * FROM forecasts_now WHERE project = {p:String}", {"p": project})
        }
        rows: list[tuple[Any, ...]] = []
        for one in made:
            values = (one.so_far_usd, one.p10_usd, one.p50_usd, one.p90_usd, one.budget_usd, one.reason)
            before = last.get((one.feature, one.month))
            if before is None or tuple(before[name] for name in _FORECAST_COLUMNS[4:]) != values:
                rows.append((project, one.feature, one.month, at, *values))
        # Of two collectors that look at the same moment, one adds them.
        self._store.insert("forecasts", _FORECAST_COLUMNS, rows, token=f"forecasts/{project}/{at.isoformat()}")

    def last_run(self, kind: str) -> datetime | None:
        """The last moment that was looked at; None: none was.

        Raises:
            StoreError: the store cannot be read.
        """
        rows = self._store.rows(
            "SELECT max(at) AS at, count() AS n FROM alert_runs WHERE kind = {kind:String}", {"kind": kind}
        )
        return utc(rows[0]["at"]) if rows[0]["n"] else None

    def add_run(
        self, kinds: Sequence[str], at: datetime, seconds: float, conditions: int, events: int, error: str
    ) -> None:
        """Say that a moment was looked at.

        Raises:
            StoreError: the store refuses.
        """
        rows = [(kind, at, datetime.now(UTC), seconds, conditions, events, error) for kind in kinds]
        columns = ("kind", "at", "ran_at", "seconds", "conditions", "events", "error")
        self._store.insert("alert_runs", columns, rows)

    def add_snooze(self, project: str, one: Snooze, by: str, now: datetime) -> None:
        """Keep a snooze; the last one of a rule and subject counts.

        Raises:
            StoreError: the store refuses.
        """
        columns = ("project", "rule", "subject", "every_subject", "until", "made_by", "made_at")
        every = one.subject is None
        row = (project, str(one.rule), one.subject or "", int(every), one.until, by, now)
        self._store.insert("alert_snoozes", columns, [row])


def _held(row: Mapping[str, Any]) -> Held:
    state = State(
        Status(row["state"]),
        utc(row["since"]),
        utc(row["at"]),
        utc(row["fired_at"]) if row["fired_at"] else None,
        utc(row["told_at"]) if row["told_at"] else None,
        row["tellings"],
        bool(row["is_active"]),
        row["marker"],
    )
    return Held(state, row["version"], row["headline"], row["limit_usd"])


def _state_row(project: str, one: Move, event: Event | None, version: int, writer: str) -> tuple[Any, ...]:
    state, figure = one.after, one.condition.figure
    return (
        project, str(one.condition.rule), one.condition.subject, version, str(state.status), state.since, state.at,
        state.fired_at, state.told_at, state.tellings, int(state.is_active), state.marker, figure.usd, figure.limit_usd,
        one.condition.headline, event.id if event else "", event_json(event) if event else "", writer,
    )  # fmt: skip
