"""Alerts for people: how it stands, what was told, and what nobody wants to hear for a while."""

from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any, Final

from breakeven_collector.alerts.events import Rule
from breakeven_collector.alerts.log import AlertLog
from breakeven_collector.alerts.machines import Snooze, snoozed_until
from breakeven_collector.alerts.moments import in_utc
from breakeven_collector.errors import BadRequest
from breakeven_collector.projects import of_project
from breakeven_collector.store import Store

_LONGEST: Final = timedelta(days=366)
_MOST_LETTERS: Final = 500


def list_alerts(store: Store, project: str | None, now: datetime) -> list[dict[str, Any]]:
    """What fires, is about to or is snoozed, the dearest first: project, rule, subject, state, since, at, told_at,
    tellings, usd, limit_usd, headline, snoozed_until (None: it is not). Moments are in UTC.

    Args:
        store: an open store.
        project: whose; None: of all.
        now: snoozes that are over by then are left out.

    Raises:
        StoreError: the store cannot be read.
    """
    snoozes: dict[str, list[Snooze]] = {}
    found: list[dict[str, Any]] = []
    for row in store.query_file("alerts_open", of_project(project)):
        owner = row["project"]
        if owner not in snoozes:
            snoozes[owner] = AlertLog(store).snoozes(owner)
        until = snoozed_until(snoozes[owner], (Rule(row["rule"]), row["subject"])) if row["rule"] in [*Rule] else None
        found.append({**in_utc(row), "snoozed_until": until if until and until > now else None})
    return found


def history(store: Store, project: str | None, limit: int) -> list[dict[str, Any]]:
    """What was to be told, the newest first: id, project, rule (or digest), subject, change, at, since, headline, usd,
    limit_usd. Moments are in UTC.

    Raises:
        StoreError: the store cannot be read.
    """
    return [in_utc(row) for row in store.query_file("alert_history", {**of_project(project), "most": limit})]


def snooze(
    store: Store, project: str, rule: str, subject: str | None, until: datetime, by: str, now: datetime
) -> dict[str, Any]:
    """Be silent about a rule's subject up to a moment; a later snooze of the same replaces it.

    Args:
        store: an open store.
        project: whose; empty: of all projects.
        rule: its name.
        subject: what it is about; None: all that the rule is about.
        until: in the past or now it ends a snooze.
        by: who asks.
        now: the present.

    Returns:
        What was asked for, with `made_at`; `held_until`: until when a wider snooze, of all of the rule or of all
        projects, keeps it silent all the same, or None; and `unseen`: that no call is of such a subject, which may
        be to come, or misspelled, or None.

    Raises:
        BadRequest: there is no such rule, a text is too long, or the time is more than a year ahead.
        StoreError: the store refuses.
    """
    if rule not in [*Rule]:
        raise BadRequest(422, f"rule {rule!r}: write one of {', '.join(Rule)}")
    if until > now + _LONGEST:
        raise BadRequest(
            422,
            f"until {until.astimezone(UTC):%Y-%m-%d} is more than a year ahead; to be rid of a rule, set enabled = "
            f"false under [alerts.rules.{rule}]",
        )
    if max(len(by), len(subject or "")) > _MOST_LETTERS:
        raise BadRequest(422, f"subject and by are up to {_MOST_LETTERS} characters")
    until = max(until, now).astimezone(UTC)
    log, key = AlertLog(store), (Rule(rule), subject)
    log.add_snooze(project, Snooze(*key, until), by, now)
    held_until = snoozed_until(log.snoozes(project), key)
    return {
        "project": project,
        "rule": rule,
        "subject": subject,
        "until": until,
        "by": by,
        "made_at": now.astimezone(UTC),
        "held_until": held_until if held_until and held_until > until else None,
        "unseen": _unseen(store, project, Rule(rule), subject) if until > now else None,
    }


def _unseen(store: Store, project: str, rule: Rule, subject: str | None) -> str | None:
    asked = {**of_project(project or None), "kind": rule.about, "rule": str(rule)}
    names = [row["name"] for row in store.query_file("alert_subjects", asked)]
    if project and not names:
        return f"there is no call in project {project!r} yet"
    if not subject or subject in names:
        return None
    close = get_close_matches(subject, names, 1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"no call is of a {rule.about} {subject!r} yet{hint}"
