"""Where the commands about alerts work: in a running collector, or in the store itself where none runs."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, cast
from urllib.parse import urlencode

from breakeven_collector.alerts import service
from breakeven_collector.alerts.job import AlertsJob
from breakeven_collector.alerts.run import RunDocument, run_alerts
from breakeven_collector.attribution import take_up
from breakeven_collector.settings import Settings
from breakeven_collector.source import fetch, get_json, key_for, running_collector
from breakeven_collector.source_billed import summary_of_store
from breakeven_collector.store import Store
from breakeven_collector.verdicts.client import change

_LONGEST_SECONDS: Final = 3_600.0
"""A look at months of the past works out the verdicts of each day."""


def fetch_alerts(settings: Settings, url: str | None, *, project: str | None, limit: int) -> dict[str, Any]:
    """`alerts` and `history` as `service` gives them, with moments as text.

    Raises:
        BreakevenError: nobody can give them; the message says what to do.
    """
    query = urlencode({"limit": limit, **({"project": project} if project else {})})

    def read(store: Store) -> dict[str, Any]:
        return {
            "alerts": service.list_alerts(store, project or None, datetime.now(UTC)),
            "history": service.history(store, project or None, limit),
        }

    return _plain(fetch(settings, url, f"/api/alerts?{query}", having="alerts", read=read))


def snooze(
    settings: Settings,
    url: str | None,
    *,
    project: str | None,
    rule: str,
    subject: str | None,
    until: datetime,
    by: str,
) -> dict[str, Any]:
    """Be silent about something; see `service.snooze`.

    Raises:
        BreakevenError: it cannot be done; the message says what to do.
    """
    body = {"rule": rule, "subject": subject, "until": until.isoformat(), "by": by, "project": project or None}
    return _plain(
        change(
            settings,
            url,
            "/api/alerts/snooze",
            having="until",
            body=body,
            here=lambda store: service.snooze(store, project or "", rule, subject, until, by, datetime.now(UTC)),
        )
    )


def run(
    settings: Settings,
    url: str | None,
    *,
    at: datetime | None,
    first: datetime | None,
    last: datetime | None,
    dry_run: bool,
    progress: Callable[[datetime], None],
) -> RunDocument:
    """Look on demand; see `run_alerts`. `progress` is told of only where no collector runs.

    Raises:
        BreakevenError: it cannot be done; the message says what to do.
    """
    if address := running_collector(settings, url):
        body = {
            name: moment.isoformat()
            for name, moment in (("at", at), ("from", first), ("to", last))
            if moment is not None
        }
        return get_json(
            f"{address}/api/alerts/run",
            having="events",
            key=key_for(settings, address),
            timeout=_LONGEST_SECONDS,
            body=json.dumps({**body, "dry_run": dry_run}).encode(),
        )
    store = Store(settings.dsn, max_query_seconds=settings.max_query_seconds, replicated=settings.replicated).open()
    try:
        take_up(store, settings.config)
        job = AlertsJob(store, settings.config, settings.timezone, bill=partial(summary_of_store, settings, store))
        return run_alerts(
            job, store, settings.timezone, at=at, first=first, last=last, dry_run=dry_run, progress=progress
        )
    finally:
        store.close()


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(json.dumps(document, default=lambda one: one.isoformat())))
