"""What a token of a self-hosted model costs: the hours of its GPUs, divided by the tokens they served that day.

An amortised rate is an average over what happened, not a price: on a busy day a token is cheap, on an idle one dear.
Nothing is assumed of utilisation, and input, cached input and output cost the same a token.
"""

import time
from datetime import UTC, datetime, timedelta

from breakeven_schema import query

from breakeven_collector.store import Store

_OFTEN_SECONDS = 600.0
_LATE_DAYS = 7
"""Calls older than this seldom arrive; whoever changes a price has all days made again."""

_last: dict[str, float] = {}


def update(store: Store, *, now: datetime | None = None, days: int | None = None) -> None:
    """Make the rates again, of the last `days` days or of all that the entries cover, up to `now`.

    Raises:
        StoreError: the store refuses.
    """
    if not store.rows("SELECT 1 FROM price_override FINAL WHERE gpu_hour_usd IS NOT NULL AND NOT removed LIMIT 1"):
        return
    now = now or datetime.now(UTC)
    since = now - timedelta(days=days) if days else datetime(2020, 1, 1, tzinfo=UTC)
    store.run(query("amortise"), {"now": int(now.timestamp()), "since": f"{since:%Y-%m-%d}"})


def update_now_and_then(store: Store) -> None:
    """Make the rates of the last days again, at most every ten minutes."""
    if time.monotonic() - _last.get(store.dsn, -_OFTEN_SECONDS) >= _OFTEN_SECONDS:
        _last[store.dsn] = time.monotonic()
        update(store, days=_LATE_DAYS)
