"""Where the commands about verdicts work: in a running collector, or in the store itself where none runs."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

from breakeven_collector.attribution import take_up
from breakeven_collector.errors import BreakevenError
from breakeven_collector.period import Asked
from breakeven_collector.settings import Settings
from breakeven_collector.source import fetch, fetch_report, get_json, key_for, running_collector
from breakeven_collector.source_billed import summary_of_store
from breakeven_collector.store import Store
from breakeven_collector.verdicts.service import Verdicts, build_verdicts


def fetch_verdicts(
    settings: Settings, url: str | None, *, feature: str | None, project: str | None, flips: bool, diff: bool
) -> Verdicts:
    """The verdicts, from where `source.fetch` finds them.

    Raises:
        BreakevenError: nobody can give them; the message says what to do.
    """
    query = {
        **({} if feature is None else {"feature": feature}),
        **({"project": project} if project else {}),
        "timezone": settings.timezone,
        "flips": flips,
        "diff": diff,
    }
    return fetch(
        settings,
        url,
        f"/api/verdicts?{urlencode(query)}",
        having="features",
        read=lambda store: build_verdicts(
            store,
            settings.config,
            feature=feature,
            project=project or None,
            timezone=settings.timezone,
            flips=flips,
            diff=diff,
            bill=partial(summary_of_store, settings, store),
        ),
    )


def bill_of(settings: Settings, url: str | None, feature: str, project: str | None) -> float:
    """What a feature cost in the last 30 days, USD, as far as it is known.

    Raises:
        BreakevenError: nobody can say, or it has no calls with a price.
    """
    report = fetch_report(settings, url, asked=Asked(30, timezone=settings.timezone), project=project)
    rows = {row["feature"]: row for row in report["features"]}
    if feature not in rows:
        there = ", ".join(name for name in rows if name) or "none"
        raise BreakevenError(f"feature {feature!r} has no calls in the last 30 days; there are {there}")
    if rows[feature]["cost_usd"] is None:
        raise BreakevenError(f"no call of {feature!r} has a price: `breakeven prices check` says why")
    return float(rows[feature]["cost_usd"])


def change(
    settings: Settings,
    url: str | None,
    path: str,
    *,
    having: str,
    body: dict[str, Any],
    here: Callable[[Store], dict[str, Any]],
) -> dict[str, Any]:
    """Change something in the collector at `url`, else in one on this machine's port, else in the store by `here`.

    Raises:
        BreakevenError: it cannot be changed; the message says what to do.
    """
    if address := running_collector(settings, url):
        return get_json(
            f"{address}{path}", having=having, key=key_for(settings, address), body=json.dumps(body).encode()
        )
    store = Store(settings.dsn, max_query_seconds=settings.max_query_seconds, replicated=settings.replicated).open()
    try:
        take_up(store, settings.config)
        return here(store)
    finally:
        store.close()
