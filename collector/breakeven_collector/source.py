"""Where a command gets its figures: a running collector, or the store itself where none runs.

Only one process at a time may have the embedded store open, so a running collector is asked first.
"""

import json
from http.client import HTTPException
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from breakeven_collector.errors import BreakevenError
from breakeven_collector.features import load_features
from breakeven_collector.report import Dimension, Report, build_report
from breakeven_collector.settings import Settings
from breakeven_collector.store import Store


class CollectorUnreachable(BreakevenError):
    """Nothing answers at the address."""


class CollectorRefused(BreakevenError):
    """The collector answers with an error."""


def get_json(url: str, timeout: float = 60.0) -> dict[str, Any]:
    """Ask a collector.

    Raises:
        CollectorUnreachable: nothing answers there.
        CollectorRefused: what answers is an error, or no collector.
    """
    try:
        with urlopen(Request(url, headers={"Accept": "application/json"}), timeout=timeout) as answer:
            document = json.load(answer)
    except HTTPError as error:
        raise CollectorRefused(f"{url} answers {error.code}: {_message(error)}") from None
    except (URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise CollectorUnreachable(f"nothing answers at {url} ({reason})") from None
    except (ValueError, HTTPException):
        raise CollectorRefused(f"what answers at {url} is not a Breakeven collector; name it with --url") from None
    if not isinstance(document, dict):
        raise CollectorRefused(f"what answers at {url} is not a Breakeven collector; name it with --url")
    return cast(dict[str, Any], document)


def fetch_report(settings: Settings, url: str | None, *, days: int, by: Dimension) -> Report:
    """The bill, from the collector at `url`, else from one on this machine's port, else from the store.

    Raises:
        BreakevenError: none of them can give it; the message says what to do.
    """
    address = (url or f"http://127.0.0.1:{settings.port}").rstrip("/")
    try:
        return get_json(f"{address}/api/report?{urlencode({'days': days, 'by': str(by)})}")
    except CollectorUnreachable as error:
        if url:
            raise CollectorUnreachable(f"{error}. Is `breakeven up` running there?") from None
    if settings.dsn.startswith("chdb:") and not (settings.data_dir / "store").exists() and not settings.store:
        raise BreakevenError(
            f"no data yet: nothing answers at {address} and there is no store in {settings.data_dir}. Start the "
            "collector with `breakeven up`, or look at a filled one with `breakeven demo`."
        )
    store = Store(settings.dsn, max_query_seconds=settings.max_query_seconds).open()
    try:
        return build_report(store, days=days, by=by, features=load_features(settings.config))
    finally:
        store.close()


def _message(error: HTTPError) -> str:
    try:
        return str(json.load(error)["message"])
    except (ValueError, KeyError, TypeError):
        return error.reason
