"""The prices of one open store, for the command line and for a running collector's API alike."""

from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from breakeven_collector import price_book_diff, price_documents, price_lists, price_overrides
from breakeven_collector.catalog import Catalog
from breakeven_collector.errors import BadRequest
from breakeven_collector.ledger import Ledger
from breakeven_collector.price_overrides import Override
from breakeven_collector.prices import Book
from breakeven_collector.store import Store

_OVERRIDE = TypeAdapter(Override)
_FILE = "genai-prices@file"


class Prices(Protocol):
    """What can be done with prices; all answers are documents that go into JSON. Errors are BreakevenErrors."""

    def list(self, *, days: int, whole_book: bool) -> dict[str, Any]:
        """See `price_lists.list_prices`."""
        ...

    def show(self, model: str, provider: str) -> dict[str, Any]:
        """See `price_lists.show_price`."""
        ...

    def set(self, override: Override) -> dict[str, Any]:
        """See `price_overrides.set_override`."""
        ...

    def unset(self, what: str, *, provider: str, project: str | None) -> dict[str, Any]:
        """Take an override back; `removed` lists it."""
        ...

    def sync(self, document: bytes, *, dry_run: bool) -> dict[str, Any]:
        """See `PriceService.sync`."""
        ...


class PriceService:
    """Prices over an open store, its catalogue and its ledger.

    Args:
        store: an open store.
        catalog: of that store.
        ledger: of that store.
        project: the only one whose prices are seen and changed; None: all.
    """

    def __init__(self, store: Store, catalog: Catalog, ledger: Ledger, project: str | None = None) -> None:
        self._project = project
        self._store = store
        self._catalog = catalog
        self._ledger = ledger

    def list(self, *, days: int = 30, whole_book: bool = False) -> dict[str, Any]:
        """See `price_lists.list_prices`."""
        return price_lists.list_prices(self._store, days=days, whole_book=whole_book, project=self._project)

    def show(self, model: str, provider: str = "") -> dict[str, Any]:
        """See `price_lists.show_price`."""
        return price_lists.show_price(self._store, self._catalog, model, provider, self._project)

    def set(self, override: Override) -> dict[str, Any]:
        """See `price_overrides.set_override`."""
        return price_overrides.set_override(self._store, self._catalog, override, within=self._project)

    def unset(self, what: str, *, provider: str = "", project: str | None = None) -> dict[str, Any]:
        """Take an override back; `removed` lists it."""
        removed = price_overrides.unset_override(
            self._store, what, provider=provider, project=project, within=self._project
        )
        return {"removed": removed}

    def within(self, project: str | None) -> "PriceService":
        """The same for one project; None: for all."""
        return PriceService(self._store, self._catalog, self._ledger, project)

    def sync(self, document: bytes, *, dry_run: bool = False) -> dict[str, Any]:
        """Make a data file of genai-prices the active book; older books stay.

        Returns:
            What it says otherwise than the active book (see `price_book_diff.compare`), and `applied`: whether it
            is the active book now.

        Raises:
            BadRequest: it is no such file.
            StoreError: the store refuses.
        """
        book = Book(price_documents.parse(document), _FILE)
        if not any(True for _ in book.rows()):
            raise BadRequest(400, "not a data file of genai-prices: it prices no model")
        versions = self._catalog.versions()
        digest = book.version.split("+")[1]
        known = next((v for v in versions if v.endswith(digest)), None)
        if known:
            # The same book under another name, for example that of the installed package.
            book = Book(book.providers, known.split("+")[0])
        difference = price_book_diff.compare(self._catalog.active(), book)
        if not dry_run and (not versions or versions[-1] != book.version):
            self._ledger.pass_names(self._catalog.activate(book))
        return {**difference, "known": known is not None, "applied": not dry_run}


def override_from(document: Mapping[str, Any]) -> Override:
    """An override from JSON.

    Raises:
        BadRequest: it does not fit; the message names the field.
    """
    try:
        return _OVERRIDE.validate_python(dict(document))
    except ValidationError as error:
        first = error.errors()[0]
        raise BadRequest(422, f"{'.'.join(map(str, first['loc']))} is {first['input']!r}: {first['msg']}") from None


def override_document(override: Override) -> dict[str, Any]:
    """The same, as JSON."""
    return _OVERRIDE.dump_python(override, mode="json")
