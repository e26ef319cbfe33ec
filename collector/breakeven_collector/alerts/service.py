"""Alerts for people: what fires, what was told, and snoozing."""

from datetime import UTC, datetime
from typing import Any

from breakeven_collector.alerts.events import Rule
from breakeven_collector.errors import BadRequest
from breakeven_collector.projects import of_project
from breakeven_collector.store import Store


def list_alerts(store: Store, project: str | None, now: datetime) -> list[dict[str, Any]]:  # noqa: ARG001
    """What fires, is about to, or is snoozed."""
    return store.query_file("page_alerts", of_project(project))


def history(store: Store, project: str | None, limit: int) -> list[dict[str, Any]]:
    """What was told, the newest first."""
    return store.query_file("page_alert_history", {**of_project(project), "most": limit})


def snooze(
    store: Store, project: str, rule: str, subject: str | None, until: datetime, by: str, now: datetime
) -> dict[str, Any]:
    """Snooze a rule's subject; None: whatever it is about.

    Raises:
        BadRequest: there is no such rule, or the time is over.
    """
    if rule not in [*Rule]:
        raise BadRequest(422, f"rule {rule!r}: write one of {', '.join(Rule)}")
    if until <= now:
        raise BadRequest(422, f"until {until.astimezone(UTC):%Y-%m-%d %H:%M} is over; write a time ahead")
    columns = ("project", "rule", "subject", "every_subject", "until", "made_by", "made_at")
    row = (project, rule, subject or "", subject is None, until, by, now)
    store.insert("alert_snoozes", columns, [row])
    return dict(zip(columns, row, strict=True))
