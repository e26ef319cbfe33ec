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

from breakeven_collector import local_key, loopback
from breakeven_collector.attribution import take_up
from breakeven_collector.errors import BreakevenError, ConfigError
from breakeven_collector.features import load_features
from breakeven_collector.origins import OriginsDocument, build_origins
from breakeven_collector.period import Asked
from breakeven_collector.report import Dimension, build_report, declare
from breakeven_collector.report_document import Report
from breakeven_collector.settings import Settings
from breakeven_collector.source_billed import summary_of_store
from breakeven_collector.store import Store

_log = logging.getLogger(__name__)

_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
_MEND = {
    (401, False): ". Put one into BREAKEVEN_KEY; on the collector's own machine its --data-dir, or "
    "BREAKEVEN_DATA_DIR, is enough",
    (401, True): ". The key that was sent is that of BREAKEVEN_KEY, or the one in the --data-dir",
}


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
    url: str,
    *,
    having: str,
    key: str = "",
    timeout: float = 60.0,
    body: bytes | None = None,
    method: str | None = None,
    content_type: str = "application/json",
) -> dict[str, Any]:
    """Ask a collector for a document that has the key `having`; with a `body` it is a POST.

    `key` is shown to it (see `key_for`), and never stands in a message.

    Raises:
        CollectorUnreachable: nothing answers there.
        CollectorRefused: what answers is an error, or no collector.
    """
    address = _address(url)
    try:
        # A proxy of the environment knows nothing of this machine's ports.
        opener = build_opener(ProxyHandler({})) if urlsplit(url).hostname in _THIS_MACHINE else build_opener()
        headers = {"Accept": "application/json", **({"Content-Type": content_type} if body is not None else {})}
        request = Request(url, data=body, headers=headers, method=method)
        if key:
            # It does not follow a redirect: that may lead to anybody.
            request.add_unredirected_header("Authorization", f"Bearer {key}")
        with opener.open(request, timeout=timeout) as answer:
            document = json.load(answer)
    except HTTPError as error:
        raise CollectorRefused(_refusal(error, address, key), error.code) from None
    except (URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise CollectorUnreachable(f"nothing answers at {address} ({reason})") from None
    except (ValueError, HTTPException):
        raise CollectorRefused(f"what answers at {address} is not a Breakeven collector; name it with --url") from None
    if not isinstance(document, dict) or having not in document:
        raise CollectorRefused(f"what answers at {address} is not a Breakeven collector; name it with --url")
    return cast(dict[str, Any], document)


def key_for(settings: Settings, address: str) -> str:
    """The key to show to the collector at an address: BREAKEVEN_KEY, else the one that a collector on this machine's
    port left in the data folder; empty where there is neither.

    Raises:
        ConfigError: BREAKEVEN_KEY cannot be sent.
    """
    if key := settings.key.get_secret_value().strip():
        if not (key.isascii() and key.isprintable() and " " not in key):
            raise ConfigError("BREAKEVEN_KEY is not a key: keys look like bk_read_ and 64 letters and digits")
        return key
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return ""
    if not port or not loopback.is_host(parts.hostname):
        return ""
    return local_key.find(settings.data_dir, port) or ""


def fetch_report(
    settings: Settings,
    url: str | None,
    *,
    asked: Asked,
    by: Dimension = Dimension.FEATURE,
    book: str | None = None,
    project: str | None = None,
) -> Report:
    """The bill, of one project or of all that the key may read, from where `fetch` finds it.

    Raises:
        BreakevenError: nobody can give it; the message says what to do.
    """
    query = {**asked.query(), "by": str(by), **({"book": book} if book else {})}
    query |= {"project": project} if project else {}

    def read(store: Store) -> Report:
        period, whose = asked.period(datetime.now(UTC)), project or None
        report = build_report(store, period=period, by=by, book=book, project=whose)
        return {**report, "billed": summary_of_store(settings, store, period, whose)}

    report = fetch(
        settings,
        url,
        f"/api/report?{urlencode(query)}",
        having="totals",
        read=read,
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
            return get_json(f"{address}{path}", having=having, key=key_for(settings, address))
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


def running_collector(settings: Settings, url: str | None) -> str:
    """Address of the collector to work in: that at `url`, else one on this machine's port that has the store; empty
    where none runs.

    Raises:
        CollectorUnreachable: nothing answers at `url`.
        CollectorRefused: what answers is no collector.
    """
    address = (url or f"http://127.0.0.1:{settings.port}").rstrip("/")
    try:
        if url is None and not (settings.port and serves_our_store(settings, address)):
            return ""
        get_json(f"{address}/healthz", having="status", key=key_for(settings, address))
    except CollectorUnreachable as error:
        if url is not None:
            raise CollectorUnreachable(f"{error}. Is `breakeven up` running there?") from None
        return ""
    return address


def serves_our_store(settings: Settings, address: str) -> bool:
    """Whether to ask the collector there: it has the store that is named on purpose, or none is.

    Raises:
        CollectorUnreachable: nothing answers there.
    """
    if not settings.model_fields_set & {"store", "data_dir"}:
        return True
    try:
        health = get_json(f"{address}/healthz", having="store", key=key_for(settings, address))
        return health["store"] == Store(settings.dsn).address
    except CollectorRefused:
        return False


def _refusal(error: HTTPError, address: str, key: str) -> str:
    try:
        mend = _MEND.get((error.code, bool(key)), "")
        return f"{json.load(error)['message']} ({error.code} from the collector at {address}){mend}"
    except (ValueError, KeyError, TypeError):
        return f"what answers at {address} says {error.code} {error.reason}; name a Breakeven collector with --url"


def _address(url: str) -> str:
    """Scheme, host and port: what a person knows a collector by."""
    scheme, slashes, rest = url.partition("://")
    return f"{scheme}{slashes}{rest.partition('/')[0].rpartition('@')[2]}"
