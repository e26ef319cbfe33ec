"""Which key of the bill seen usage belongs to. Spans seldom tell their key: then the feature may, by the rules."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from breakeven_collector.tieout_rows import Billed, Seen

Key = tuple[str, str]
"""Project and key at the provider, as on the bill."""

UNTOLD: Final[Key] = ("", "")
"""Usage that no line of the bill gives a key, or seen usage of which nothing tells it."""
_ZERO: Final = Decimal(0)


class Keys:
    """The keys of a bill, and what calls tell of them.

    Args:
        billed: all lines of the period.
        seen: all that calls told in it.
    """

    def __init__(self, billed: Sequence[Billed], seen: Sequence[Seen]) -> None:
        self._by_name: dict[tuple[str, str], set[Key]] = {}
        self._by_feature: dict[tuple[str, str], set[Key]] = {}
        for row in billed:
            key = row.project, row.key
            if key != UNTOLD:
                self._by_name.setdefault((row.provider, row.key), set()).add(key)
                for feature in row.features:
                    self._by_feature.setdefault((row.provider, feature), set()).add(key)
        self._told = {(row.provider, key) for row in seen for key in self._of(row)}

    def _of(self, row: Seen) -> set[Key]:
        """The keys that it may have come by; empty: nothing tells."""
        if row.key and (named := self._by_name.get((row.provider, row.key))):
            return {key for key in named if row.project in ("", key[0])} or named
        return self._by_feature.get((row.provider, row.feature), set()) if row.feature else set()

    def shares(
        self, provider: str, used: Mapping[Key, Decimal], seen: Sequence[tuple[Seen, Decimal]]
    ) -> dict[Key, Decimal]:
        """Of the seen weight of a cell, what belongs to each key; it all is given out.

        What may have come by several keys is shared among them as the bill is. Where nothing tells the key, it came by
        those that nothing is told of in the whole period, else by any of them.
        """
        shares: dict[Key, Decimal] = {}
        untold = _ZERO
        for row, weight in seen:
            if candidates := {key: used[key] for key in self._of(row) if used.get(key)}:
                _spread(shares, candidates, weight)
            else:
                untold += weight
        if untold:
            quiet = {key: n for key, n in used.items() if (provider, key) not in self._told and n}
            _spread(shares, quiet or {key: n for key, n in used.items() if n} or {UNTOLD: Decimal(1)}, untold)
        return shares


def _spread(shares: dict[Key, Decimal], among: Mapping[Key, Decimal], weight: Decimal) -> None:
    whole = sum(among.values(), _ZERO)
    left = weight
    for number, (key, share) in enumerate(sorted(among.items()), 1):
        part = left if number == len(among) else (weight * share / whole).quantize(Decimal("1e-30"))
        left -= part
        shares[key] = shares.get(key, _ZERO) + part
