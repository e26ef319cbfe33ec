"""What else changes figures, beside calls: prices, rules, bills."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from breakeven_collector.store import Store

PRICING: Final = (
    *("price_books", "book_names", "price_override", "amortised_rates", "token_ratios"),
    *("attribution_versions", "attributions"),
)
"""Tables that say what calls cost, and whose they are."""
BILLS: Final = ("imports", "billed")
"""Tables of providers' accounts."""


def changes(store: Store, tables: Sequence[str]) -> str:
    """A word that is another one when rows came into some tables, or were changed there.

    Raises:
        StoreError: the store cannot be read.
    """
    return str(store.query_file("changes", {"tables": list(tables)})[0]["word"])


def file_state(path: Path) -> tuple[Any, ...] | None:
    """Another value when a file is another one; None: it is not there."""
    try:
        file = path.stat()
    except OSError:
        return None
    return file.st_mtime_ns, file.st_size, file.st_ino
