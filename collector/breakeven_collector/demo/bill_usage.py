"""Usage and dollars of the demo's accounts, before they are pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

METERS: Final = ("uncached_tokens", "cache_read_tokens", "cache_write_1h_tokens", "output_tokens")
"""Kinds of tokens, as `billed` spells them."""


@dataclass(frozen=True)
class Kind:
    """Usage of one line of an account by day; `above` is the edge of the long-context price that it has."""

    provider: str
    project: str
    key: str
    model: str
    batch: bool
    above: int = 0
    embeddings: bool = False


@dataclass
class Usage:
    """What calls used; kinds of tokens are disjoint."""

    uncached: int = 0
    cache_read: int = 0
    cache_write_1h: int = 0
    output: int = 0
    searches: int = 0
    requests: int = 0

    def add(self, tokens: tuple[int, int, int, int], searches: int, calls: int) -> None:
        """Put like calls to it; tokens: input, output, and of the input those read from and written to a cache."""
        total, output, read, written = tokens
        self.uncached += (total - read - written) * calls
        self.cache_read += read * calls
        self.cache_write_1h += written * calls
        self.output += output * calls
        self.searches += searches * calls
        self.requests += calls

    def tokens(self) -> dict[str, int]:
        """By meter."""
        return dict(zip(METERS, (self.uncached, self.cache_read, self.cache_write_1h, self.output), strict=True))


ByKind = Mapping[tuple[date, Kind], Usage]
"""Day and line of an account → its usage."""
Money = Mapping[tuple[date, str, str, str, str], Decimal]
"""Day, provider, project, model, meter → billed dollars."""
