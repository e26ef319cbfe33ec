"""Alerts: what fires, what is about to, what is snoozed, what was told, and what became of it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from breakeven_collector.access import Reading
from breakeven_collector.alerts.answers import mend
from breakeven_collector.alerts.condition import named
from breakeven_collector.alerts.events import Rule
from breakeven_collector.alerts.moments import in_utc
from breakeven_collector.alerts.outbox import list_deliveries
from breakeven_collector.alerts.service import history, list_alerts, snooze
from breakeven_collector.errors import BadRequest
from breakeven_collector.page.tables import Column, TableOf
from breakeven_collector.page.view import View
from breakeven_collector.projects import of_project
from breakeven_collector.store import Store

SNOOZES: Final[Mapping[str, timedelta]] = {
    "1 day": timedelta(days=1),
    "7 days": timedelta(days=7),
    "30 days": timedelta(days=30),
}
"""How long an alert can be snoozed from the page."""
_MOST: Final = 100
_OF_FEATURES: Final = frozenset(rule for rule in Rule if rule.about == "feature")
_OF_BUDGETS: Final = frozenset({Rule.BUDGET, Rule.BUDGET_SHARE})
_ALL_TOGETHER: Final = "the whole bill"


def count_firing(store: Store, project: str | None, now: datetime) -> int:
    """How many alerts fire that nobody snoozed.

    Raises:
        StoreError: the store cannot be read.
    """
    return sum(_state(row) == "firing" for row in list_alerts(store, project, now))


def _state(row: Mapping[str, Any]) -> str:
    """The machine's, or snoozed as soon as it is: the machine takes that up with its next look."""
    return "snoozed" if row["snoozed_until"] else row["state"]


def build_alerts(store: Store, view: View, *, now: datetime) -> dict[str, Any]:
    """What the template shows.

    Args:
        store: an open store.
        view: the project.
        now: UTC.

    Raises:
        StoreError: the store cannot be read.
    """
    rows = [_linked(row, view) for row in list_alerts(store, view.project, now)]
    by_state = {state: [row for row in rows if _state(row) == state] for state in ("firing", "pending", "snoozed")}
    return {
        "firing_now": by_state["firing"],
        "pending": _states("pending", "Not for long enough to tell yet", by_state["pending"], "Nothing is about to."),
        "snoozed": _states("snoozed", "Snoozed", by_state["snoozed"], "Nothing is snoozed."),
        "snoozes": _snoozes(store, view, now),
        "history": _history(store, view),
        "deliveries": _deliveries(store, view),
        "snooze_choices": list(SNOOZES),
    }


def snooze_alert(store: Store, reading: Reading, fields: Mapping[str, str], now: datetime) -> None:
    """What the form asks for: `project`, `rule`, `subject` and `for`, a key of `SNOOZES`.

    Raises:
        BadRequest: a field does not fit, or is not the reader's.
        StoreError: the store refuses.
    """
    length = SNOOZES.get(fields.get("for", ""))
    if length is None:
        raise BadRequest(422, f"for {fields.get('for', '')!r}: write one of {', '.join(SNOOZES)}")
    project = reading.own_project(fields.get("project")) or ""
    rule, subject = fields.get("rule", ""), fields.get("subject", "")
    snooze(store, project, rule, subject, now + length, "an admin, on the page", now)


def _linked(row: dict[str, Any], view: View) -> dict[str, Any]:
    is_feature = bool(row["subject"]) and row["rule"] in _OF_FEATURES
    shown = {**row, "about": row["subject"] or _nameless(row["rule"])}
    return {**shown, "href": view.link("/feature", feature=row["subject"])} if is_feature else shown


def _nameless(rule: str) -> str:
    """What the empty subject is: all of it to budgets, to the others what has no feature."""
    return _ALL_TOGETHER if rule in _OF_BUDGETS else named("")


def _states(name: str, caption: str, rows: Sequence[dict[str, Any]], empty: str) -> TableOf:
    columns = (
        Column("about", "About", "link"),
        Column("rule", "Rule"),
        Column("headline", "What", "sentence"),
        Column("usd", "Dollars", "money"),
        Column("limit_usd", "Against", "money"),
        Column("since", "Since", "time"),
        *((Column("snoozed_until", "Until", "time"),) if name == "snoozed" else ()),
        Column("project", "Project"),
    )
    return TableOf(name, caption, columns, rows, empty=empty)


def _snoozes(store: Store, view: View, now: datetime) -> TableOf:
    columns = (
        Column("rule", "Rule"),
        Column("about", "About"),
        Column("until", "Until", "time"),
        Column("made_by", "By"),
        Column("project", "Project"),
    )
    asked = {**of_project(view.project), "now": now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")}
    rows = [
        {
            **in_utc(row),
            "about": "all of the rule" if row["every_subject"] else row["subject"] or _nameless(row["rule"]),
            "project": row["project"] or "all",
        }
        for row in store.query_file("page_snoozes", asked)
    ]
    return TableOf("snoozes", "Snoozes that hold", columns, rows, empty="None.")


def _history(store: Store, view: View) -> TableOf:
    columns = (
        Column("at", "When", "time"),
        Column("headline", "What was to be told", "sentence"),
        Column("change", "Change"),
        Column("rule", "Rule"),
        Column("usd", "Dollars", "money"),
        Column("project", "Project"),
        Column("id", "Id", page=False),
    )
    rows = history(store, view.project, _MOST)
    return TableOf("history", "History", columns, rows, empty="Nothing was to be told yet.")


def _deliveries(store: Store, view: View) -> TableOf:
    columns = (
        Column("at", "When", "time"),
        Column("channel", "Channel"),
        Column("headline", "What", "sentence"),
        Column("state", "State"),
        Column("tries", "Tries", "count"),
        Column("error", "Error"),
        Column("mend", "What to do", "sentence"),
        Column("event_id", "Id", page=False),
    )
    rows = [
        {
            **row,
            "state": _STATES.get(row["state"], row["state"]),
            "mend": mend(row["error"]) if row["error"] and row["state"] != "sent" else "",
        }
        for row in list_deliveries(store, view.project, _MOST)
    ]
    return TableOf("deliveries", "Deliveries", columns, rows, empty="Nothing was sent yet.")


_STATES: Final[Mapping[str, str]] = {"claimed": "being sent", "failed": "tried again", "given_up": "given up"}
