"""Threads that read the store for pages."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

READERS: Final = ThreadPoolExecutor(4, thread_name_prefix="breakeven-page")
"""They are kept: a thread has a handle of its own (`Store.client`), and making one takes as long as a query."""
