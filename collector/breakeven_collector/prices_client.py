"""Where `breakeven prices` works: in a running collector, or in the store itself where none runs."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

from breakeven_collector.catalog import Catalog
from breakeven_collector.ledger import Ledger
from breakeven_collector.price_overrides import Override
from breakeven_collector.price_service import Prices, PriceService, override_document
from breakeven_collector.settings import Settings
from breakeven_collector.source import get_json, key_for, running_collector
from breakeven_collector.store import Store


class RemotePrices:
    """The prices of the collector at an address. Methods are those of `PriceService`.

    All raise CollectorUnreachable where nothing answers, and CollectorRefused with the collector's own message.
    """

    def __init__(self, address: str, key: str = "") -> None:
        self._api = f"{address}/api/prices"
        self._key = key

    def list(self, *, days: int = 30, whole_book: bool = False) -> dict[str, Any]:
        """See `PriceService.list`."""
        return get_json(
            f"{self._api}?{urlencode({'days': days, 'whole_book': whole_book})}", having="models", key=self._key
        )

    def show(self, model: str, provider: str = "") -> dict[str, Any]:
        """See `PriceService.show`."""
        return get_json(
            f"{self._api}/model?{urlencode({'model': model, 'provider': provider})}", having="rates", key=self._key
        )

    def set(self, override: Override) -> dict[str, Any]:
        """See `PriceService.set`."""
        body = json.dumps(override_document(override)).encode()
        return get_json(f"{self._api}/overrides", having="entry", key=self._key, body=body)

    def unset(self, what: str, *, provider: str = "", project: str | None = None) -> dict[str, Any]:
        """See `PriceService.unset`."""
        scope = {"provider": provider, **({} if project is None else {"project": project})}
        url = f"{self._api}/overrides/{quote(what, safe='')}?{urlencode(scope)}"
        return get_json(url, having="removed", key=self._key, method="DELETE")

    def sync(self, document: bytes, *, dry_run: bool = False) -> dict[str, Any]:
        """See `PriceService.sync`."""
        url = f"{self._api}/books?{urlencode({'dry_run': dry_run})}"
        return get_json(url, having="applied", key=self._key, body=document, timeout=600.0)


@contextmanager
def open_prices(settings: Settings, url: str | None) -> Generator[Prices]:
    """The prices of the collector at `url`, else of one on this machine's port, else of the store itself.

    Raises:
        BreakevenError: none of them can be used; the message says what to do.
    """
    if address := running_collector(settings, url):
        yield RemotePrices(address, key_for(settings, address))
        return
    store = Store(settings.dsn, max_query_seconds=settings.max_query_seconds, replicated=settings.replicated).open()
    try:
        catalog, ledger = Catalog(store, config=settings.config), Ledger(store)
        ledger.pass_names(catalog.load())
        yield PriceService(store, catalog, ledger)
    finally:
        store.close()
