"""Where `breakeven import` puts accounts: into a running collector, or into the store itself where none runs."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from typing import Any, Protocol
from urllib.parse import urlencode

from breakeven_collector.access import DEFAULT_PROJECT
from breakeven_collector.catalog import Catalog
from breakeven_collector.imports.keep import Imports, Origin
from breakeven_collector.imports.lines import Account
from breakeven_collector.imports.wire import account_document
from breakeven_collector.settings import Settings
from breakeven_collector.source import get_json, key_for, running_collector
from breakeven_collector.source_billed import catalog_of
from breakeven_collector.store import Store
from breakeven_collector.tieout import know_billed_names


class Target(Protocol):
    """Takes accounts; all raise BreakevenError where it cannot be done."""

    def add(self, account: Account, origin: Origin) -> dict[str, Any]:
        """See `Imports.add`."""
        ...

    def held_days(self, source: str) -> set[tuple[str, str, date]]:
        """See `Imports.held_days`."""
        ...


class _Local:
    def __init__(self, store: Store, catalog: Catalog, project: str) -> None:
        self._store, self._catalog = store, catalog
        self._imports, self._project = Imports(store), project

    def add(self, account: Account, origin: Origin) -> dict[str, Any]:
        told = self._imports.add(account, origin, self._project)
        if told["import_id"]:
            know_billed_names(self._store, self._catalog)
        return told

    def held_days(self, source: str) -> set[tuple[str, str, date]]:
        return self._imports.held_days(source, self._project)


class _Remote:
    def __init__(self, address: str, key: str, project: str | None) -> None:
        self._api, self._key, self._project = f"{address}/api/imports", key, project

    def add(self, account: Account, origin: Origin) -> dict[str, Any]:
        body = json.dumps(account_document(account, origin, self._project)).encode()
        return get_json(self._api, having="import_id", key=self._key, body=body, timeout=600.0)

    def held_days(self, source: str) -> set[tuple[str, str, date]]:
        query = urlencode({"source": source, **({"project": self._project} if self._project else {})})
        found = get_json(f"{self._api}/days?{query}", having="days", key=self._key)
        return {(report, part, date.fromisoformat(day)) for report, part, day in found["days"]}


@contextmanager
def open_target(settings: Settings, url: str | None, project: str | None) -> Generator[Target]:
    """The collector at `url`, else one on this machine's port, else the store itself.

    Raises:
        BreakevenError: none of them can be used; the message says what to do.
    """
    if address := running_collector(settings, url):
        yield _Remote(address, key_for(settings, address), project)
        return
    store = Store(settings.dsn, max_query_seconds=settings.max_query_seconds, replicated=settings.replicated).open()
    try:
        yield _Local(store, catalog_of(settings, store), project or DEFAULT_PROJECT)
    finally:
        store.close()
