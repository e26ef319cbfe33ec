"""Keeps the store's price book and the meaning of model names up to date."""

import logging
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

from breakeven_collector.prices import BUCKETS, Book
from breakeven_collector.store import Store

_log = logging.getLogger(__name__)

NameKey = tuple[str, str, str]
"""Provider, model and price context as they stand on a span."""


class Catalog:
    """The price book in the store, and the names that calls came with, looked up in it."""

    def __init__(self, store: Store, book: Book | None = None) -> None:
        self._store = store
        self._book = book or Book()
        self._lock = threading.Lock()

    def load(self) -> list[NameKey]:
        """Make this program's book the one that prices; returns the names whose ledger rows must be made again.

        These are names whose price now changes at other input sizes or times of day than before: the ledger was cut
        along the old edges.
        """
        latest = self._store.rows("SELECT argMax(book_version, loaded_at) AS v FROM price_books")[0]["v"]
        if latest == self._book.version:
            return []
        known = self._store.rows(
            "SELECT count() AS n FROM price_books WHERE book_version = {v:String}", {"v": self._book.version}
        )
        if not known[0]["n"]:
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
                        *(
                            self._book.version,
                            r.provider,
                            r.model,
                            r.price_context,
                            r.tier_start,
                            r.day_start,
                            r.valid_from,
                        ),
                        *r.rates.buckets,
                        *(r.rates.request, dict(r.rates.meters), r.source_url),
                    )
                    for r in self._book.rows()
                ],
            )
        before = self._edges()
        self._store.insert(
            "price_books",
            ["book_version", "loaded_at", "models"],
            [(self._book.version, datetime.now(UTC), self._book.models)],
        )
        _log.info("prices: %s, %d models", self._book.version, self._book.models)
        self.resolve_new()
        after = self._edges()
        return [name for name, edges in before.items() if after.get(name) != edges]

    def resolve_new(self) -> int:
        """Look up names that calls came with and that this book was not asked about yet; returns how many."""
        with self._lock:
            new = [
                (row["provider"], row["model"], row["price_context"])
                for row in self._store.query_file("unresolved_names", {"book_version": self._book.version})
            ]
            self._store.insert(
                "model_names",
                [
                    *("provider", "model", "price_context", "book_provider", "book_model", "book_context"),
                    *("tier_starts", "day_starts", "reason", "book_version", "resolved_at"),
                ],
                [self._resolved(name) for name in new],
            )
        return len(new)

    def _resolved(self, name: NameKey) -> Sequence[object]:
        found = self._book.resolve(*name)
        if found.reason:
            _log.warning("no price for provider %r, model %r: %s", name[0], name[1], found.reason)
        return (
            *name,
            *(found.provider, found.model, found.price_context, list(found.tier_starts), list(found.day_starts)),
            *(found.reason, self._book.version, datetime.now(UTC)),
        )

    def _edges(self) -> dict[NameKey, tuple[tuple[int, ...], tuple[int, ...]]]:
        return {
            (r["provider"], r["model"], r["price_context"]): (tuple(r["tier_starts"]), tuple(r["day_starts"]))
            for r in self._store.rows(
                "SELECT provider, model, price_context, tier_starts, day_starts FROM model_names FINAL"
            )
        }
