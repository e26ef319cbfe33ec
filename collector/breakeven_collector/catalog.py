"""Keeps the store's price books and the meaning of model names up to date.

The active book is the one in `price_books` with the latest `loaded_at`. Each book lies in the store as a document, so
names can be looked up in it by whichever process has the store, whatever genai-prices is installed there.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from breakeven_collector import gpu_rates, price_documents
from breakeven_collector.errors import StoreError
from breakeven_collector.model_aliases import ModelAlias, load_model_aliases
from breakeven_collector.prices import BUCKETS, Book, Name
from breakeven_collector.store import Store

_log = logging.getLogger(__name__)

NameKey = tuple[str, str, str]
"""Provider, model and price context as they stand on a span."""

_NAME_COLUMNS = (
    *("provider", "model", "price_context", "book_provider", "book_model", "book_context"),
    *("tier_starts", "day_starts", "reason"),
)


class Catalog:
    """The price books in the store, and the names that calls came with, looked up in them.

    Args:
        store: an open store.
        book: the book that comes with this program; that of the installed genai-prices where left out.
        config: `breakeven.toml`, for its `[[models]]`.
    """

    def __init__(self, store: Store, book: Book | None = None, config: Path | None = None) -> None:
        self._store = store
        self._own = book or Book()
        self._book = self._own
        self._config = config
        self._aliases: Sequence[ModelAlias] = ()
        self._lock = threading.Lock()

    def load(self) -> list[NameKey]:
        """Bring books and names up to date; returns the names whose ledger rows must be made again.

        The book that comes with this program becomes the active one if the store has never had it; else the active one
        stays. Names are looked up again, for `[[models]]` may say something else now.

        Raises:
            ConfigError: `breakeven.toml` cannot be used.
        """
        self._aliases = load_model_aliases(self._config) if self._config else ()
        if self._own.version not in self.versions():
            return self.activate(self._own)
        with self._lock:
            book = self._active()
            before = self._edges()
            self._look_up(book, active=True)
        gpu_rates.update(self._store)
        return _changed(before, self._edges())

    def activate(self, book: Book) -> list[NameKey]:
        """Make a book the one that prices; returns the names whose ledger rows must be made again.

        These are names whose price now changes at other input sizes or times of day than before: the ledger was cut
        along the old edges.
        """
        with self._lock:
            if book.version not in self.versions():
                self._insert_rates(book)
            self._look_up(book, active=False)
            before = self._edges()
            self._store.insert(
                "price_books",
                ["book_version", "loaded_at", "models", "document", "newest_price"],
                [(book.version, datetime.now(UTC), book.models, book.document, book.newest_price)],
            )
            self._book = book
            self._look_up(book, active=True)
        _log.info("prices: %s, %d models", book.version, book.models)
        gpu_rates.update(self._store)
        return _changed(before, self._edges())

    def versions(self) -> list[str]:
        """The books in the store, the active one last."""
        rows = self._store.rows("SELECT book_version FROM price_books FINAL ORDER BY loaded_at, book_version")
        return [row["book_version"] for row in rows]

    def active(self) -> Book:
        """The book that prices.

        Raises:
            StoreError: the store has none that names can be looked up in.
        """
        with self._lock:
            return self._active()

    def prepare(self, book_version: str) -> None:
        """Look up in that book the names that came since it was active, so that `rates_of` knows them.

        Raises:
            StoreError: the store has no such book; the message lists those that it has.
        """
        if book_version and book_version not in (versions := self.versions()):
            raise StoreError(
                f"no book {book_version!r} in {self._store.address}; it has {', '.join(versions) or 'none'}"
            )
        with self._lock:
            self._look_up(self._read(book_version) if book_version else self._active(), active=False)

    def resolve_new(self) -> int:
        """Look up names that calls came with and that the active book was not asked about yet; returns how many."""
        with self._lock:
            book = self._active()
            new = [
                (row["provider"], row["model"], row["price_context"])
                for row in self._store.query_file("unresolved_names", {"book_version": book.version})
            ]
            found = {name: self._resolved(book, name) for name in new}
            for name, meaning in found.items():
                if meaning.reason:
                    _log.warning("no price for provider %r, model %r: %s", name[0], name[1], meaning.reason)
            # The list of new names is what book_names lacks: it comes last.
            self._insert_names("model_names", book, found)
            self._insert_names("book_names", book, found)
        gpu_rates.update_now_and_then(self._store)
        return len(new)

    def resolve(self, name: NameKey) -> Name:
        """What a name means in the active book."""
        book = self.active()
        return self._resolved(book, name)

    def _resolved(self, book: Book, name: NameKey) -> Name:
        return book.resolve(*name, self._aliases)

    def _active(self) -> Book:
        versions = self.versions()
        if not versions:
            return self._own
        if versions[-1] != self._book.version:
            self._book = self._read(versions[-1])
        return self._book

    def _read(self, book_version: str) -> Book:
        if book_version == self._own.version:
            return self._own
        rows = self._store.rows(
            "SELECT document FROM price_books FINAL WHERE book_version = {v:String}", {"v": book_version}
        )
        if not rows or not rows[0]["document"]:
            raise StoreError(
                f"names cannot be looked up in {book_version}: it was loaded by an early Breakeven, which kept no "
                "document of it. Take it again with `breakeven prices sync FILE`"
            )
        return Book(price_documents.parse(rows[0]["document"]), book_version.split("+sha256:")[0])

    def _look_up(self, book: Book, *, active: bool) -> None:
        """Write down what all names that calls came with mean in the book, where that is not written yet."""
        names = [
            (row["provider"], row["model"], row["price_context"])
            for row in self._store.rows("SELECT DISTINCT provider, model, price_context FROM models_seen")
        ]
        found = {name: self._resolved(book, name) for name in names}
        for table in ("model_names", "book_names") if active else ("book_names",):
            rows = self._store.rows(
                f"SELECT {', '.join(_NAME_COLUMNS)} FROM {table} FINAL WHERE book_version = {{v:String}}",
                {"v": book.version},
            )
            known = {tuple(row.values())[:3]: tuple(row.values())[3:] for row in rows}
            self._insert_names(table, book, {n: m for n, m in found.items() if known.get(n) != _columns(m)})

    def _insert_names(self, table: str, book: Book, found: Mapping[NameKey, Name]) -> None:
        self._store.insert(
            table,
            [*_NAME_COLUMNS, "book_version", "resolved_at"],
            [(*name, *_columns(meaning), book.version, datetime.now(UTC)) for name, meaning in found.items()],
        )

    def _insert_rates(self, book: Book) -> None:
        columns = [
            *("book_version", "provider", "model", "price_context", "tier_start", "day_start", "valid_from"),
            *(f"{bucket}_usd_per_token" for bucket in BUCKETS),
            *("request_usd", "meter_usd", "source_url"),
        ]
        self._store.insert(
            "price_book",
            columns,
            [
                (
                    *(book.version, r.provider, r.model, r.price_context, r.tier_start, r.day_start, r.valid_from),
                    *r.rates.buckets,
                    *(r.rates.request, dict(r.rates.meters), r.source_url),
                )
                for r in book.rows()
            ],
        )

    def _edges(self) -> dict[NameKey, tuple[tuple[int, ...], tuple[int, ...]]]:
        return {
            (r["provider"], r["model"], r["price_context"]): (tuple(r["tier_starts"]), tuple(r["day_starts"]))
            for r in self._store.rows(
                "SELECT provider, model, price_context, tier_starts, day_starts FROM model_names FINAL"
            )
        }


def _columns(meaning: Name) -> tuple[object, ...]:
    return (
        *(meaning.provider, meaning.model, meaning.price_context),
        *(list(meaning.tier_starts), list(meaning.day_starts), meaning.reason),
    )


_Edges = Mapping[NameKey, tuple[tuple[int, ...], tuple[int, ...]]]


def _changed(before: _Edges, after: _Edges) -> list[NameKey]:
    return [name for name, edges in before.items() if after.get(name) != edges]
