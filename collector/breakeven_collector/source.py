"""Where a command gets its figures: a running collector, or the store itself where none runs.

Only one process at a time may have the embedded store open, so a running collector is asked first.
"""

import json
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from http.client import HTTPException
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from breakeven_collector.attribution import take_up
from breakeven_collector.errors import BreakevenError, ConfigError
from breakeven_collector.features import load_features
from breakeven_collector.origins import OriginsDocument, build_origins
from breakeven_collector.period import Asked
from breakeven_collector.report import Dimension, Report, build_report, declare
from breakeven_collector.settings import Settings
from breakeven_collector.store import Store

_log = logging.getLogger(__name__)

_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


class CollectorUnreachable(BreakevenError):
    """Nothing answers at the address."""


class CollectorRefused(BreakevenError):
    """The collector answers with an error.

    Attributes:
        status: of HTTP; 0 where what answers is no collector.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def get_json(
    url: str, *, having: str, timeout: float = 60.0, body: bytes | None = None, method: str | None = None
) -> dict[str, Any]:
    """Ask a collector for a document that has the key `having`; with a `body` (JSON) it is a POST.

    Raises:
        CollectorUnreachable: nothing answers there.
        CollectorRefused: what answers is an error, or no collector.
    """
    address = _address(url)
    try:
        # A proxy of the environment knows nothing of this machine's ports.
        opener = build_opener(ProxyHandler({})) if urlsplit(url).hostname in _THIS_MACHINE else build_opener()
        headers = {"Accept": "application/json", **({"Content-Type": "application/json"} if body is not None else {})}
        with opener.open(Request(url, data=body, headers=headers, method=method), timeout=timeout) as answer:
            document = json.load(answer)
    except HTTPError as error:
        raise CollectorRefused(_refusal(error, address), error.code) from None
    except (URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise CollectorUnreachable(f"nothing answers at {address} ({reason})") from None
    except (ValueError, HTTPException):
        raise CollectorRefused(f"what answers at {address} is not a Breakeven collector; name it with --url") from None
    if not isinstance(document, dict) or having not in document:
        raise CollectorRefused(f"what answers at {address} is not a Breakeven collector; name it with --url")
    return cast(dict[str, Any], document)


def fetch_report(
    settings: Settings, url: str | None, *, asked: Asked, by: Dimension = Dimension.FEATURE, book: str | None = None
) -> Report:
    """The bill, from where `fetch` finds it.

    Raises:
        BreakevenError: nobody can give it; the message says what to do.
    """
    query = {**asked.query(), "by": str(by), **({"book": book} if book else {})}
    report = fetch(
        settings,
        url,
        f"/api/report?{urlencode(query)}",
        having="totals",
        read=lambda store: build_report(store, period=asked.period(datetime.now(UTC)), by=by, book=book),
    )
    try:
        # Who reads may have a breakeven.toml of his own.
        return declare(report, load_features(settings.config))
    except ConfigError as error:
        # What the collector knows of owners and budgets still stands in the report.
        return {**report, "config_error": str(error)}


def fetch_origins(settings: Settings, url: str | None, *, days: int, cuts: Iterable[date]) -> OriginsDocument:
    """Where calls without a declared feature come from, from where `fetch` finds it; for the arguments see
    build_origins.

    Raises:
        BreakevenError: nobody can give it; the message says what to do.
    """
    days_cut = sorted({*cuts})
    return fetch(
        settings,
        url,
        f"/api/origins?{urlencode({'days': days, 'cut': [day.isoformat() for day in days_cut]}, doseq=True)}",
        having="stretches",
        read=lambda store: build_origins(store, days=days, cuts=days_cut),
    )


def fetch(
    settings: Settings, url: str | None, path: str, *, having: str, read: Callable[[Store], dict[str, Any]]
) -> dict[str, Any]:
    """A document, from the collector at `url`, else from one on this machine's port, else from the store by `read`.

    A store that is named on purpose (--store, --data-dir) is the one that is read: the collector on the port is asked
    only if it has that store open.

    Raises:
        BreakevenError: none of them can give it; the message says what to do.
    """
    address = (url or f"http://127.0.0.1:{settings.port}").rstrip("/")
    found = f"the collector at {address} has another store"
    try:
        if url or serves_our_store(settings, address):
            return get_json(f"{address}{path}", having=having)
    except CollectorUnreachable as error:
        if url:
            raise CollectorUnreachable(f"{error}. Is `breakeven up` running there?") from None
        found = f"nothing answers at {address}"
    store = Store(settings.dsn, max_query_seconds=settings.max_query_seconds)
    if store.folder is not None and not store.folder.exists():
        raise BreakevenError(
            f"no data yet: {found} and there is no store in {store.folder}. Start the "
            "collector with `breakeven up`, or look at a filled one with `breakeven demo`."
        )
    if waiting := sum(file.stat().st_size for file in settings.journal_dir.glob("*.seg")):
        _log.warning("%s bytes wait in the journal; they are counted once `breakeven up` has run", f"{waiting:,}")
    store.open()
    try:
        take_up(store, settings.config)
        return read(store)
    finally:
        store.close()


def serves_our_store(settings: Settings, address: str) -> bool:
    """Whether to ask the collector there: it has the store that is named on purpose, or none is.

    Raises:
        CollectorUnreachable: nothing answers there.
    """
    if not settings.model_fields_set & {"store", "data_dir"}:
        return True
    try:
        return get_json(f"{address}/healthz", having="store")["store"] == Store(settings.dsn).address
    except CollectorRefused:
        return False


def _refusal(error: HTTPError, address: str) -> str:
    try:
        return f"{json.load(error)['message']} ({error.code} from the collector at {address})"
    except (ValueError, KeyError, TypeError):
        return f"what answers at {address} says {error.code} {error.reason}; name a Breakeven collector with --url"


def _address(url: str) -> str:
    """Scheme, host and port: what a person knows a collector by."""
    scheme, slashes, rest = url.partition("://")
    return f"{scheme}{slashes}{rest.partition('/')[0].rpartition('@')[2]}"
