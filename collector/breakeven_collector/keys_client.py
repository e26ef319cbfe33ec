"""Where `breakeven keys` works: in a running collector, or in the store itself where none runs."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from breakeven_collector.keys import Keys, KeyTable, Scope
from breakeven_collector.settings import Settings
from breakeven_collector.source import get_json, key_for, running_collector
from breakeven_collector.store import Store


class RemoteKeys:
    """The keys of the collector at an address. Methods are those of `KeyTable`.

    All raise CollectorUnreachable where nothing answers, and CollectorRefused with the collector's own message.
    """

    def __init__(self, address: str, key: str = "") -> None:
        self._api = f"{address}/api/keys"
        self._key = key

    def create(self, scope: Scope, project: str | None, note: str) -> dict[str, Any]:
        """See `KeyTable.create`."""
        body = json.dumps({"scope": str(scope), "project": project, "note": note}).encode()
        return get_json(self._api, having="key", key=self._key, body=body)

    def list(self) -> dict[str, Any]:
        """See `KeyTable.list`."""
        return get_json(self._api, having="keys", key=self._key)

    def revoke(self, key_id: str) -> dict[str, Any]:
        """See `KeyTable.revoke`."""
        return get_json(f"{self._api}/{quote(key_id, safe='')}", having="revoked", key=self._key, method="DELETE")


@contextmanager
def open_keys(settings: Settings, url: str | None) -> Generator[Keys]:
    """The keys of the collector at `url`, else of one on this machine's port, else of the store itself.

    Raises:
        BreakevenError: none of them can be used; the message says what to do.
    """
    if address := running_collector(settings, url):
        yield RemoteKeys(address, key_for(settings, address))
        return
    store = Store(settings.dsn, max_query_seconds=settings.max_query_seconds, replicated=settings.replicated).open()
    try:
        yield KeyTable(store)
    finally:
        store.close()
