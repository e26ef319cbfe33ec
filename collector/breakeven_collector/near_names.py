"""Names of features that differ so little that one of them may be a slip."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Final

_SHORTEST: Final = 5
"""Shorter names are one edit apart too easily."""


@dataclass(frozen=True, order=True)
class NearNames:
    """Two names that may mean the same."""

    one: str
    other: str
    difference: str
    """How they differ."""


def near_names(names: Iterable[str]) -> list[NearNames]:
    """Pairs that differ in case and separators only, or by one letter (added, left out, another, or two swapped).

    Numbers tell apart on purpose: chat-1 and chat-2 are no pair. Linear in the number of names that are unlike.
    """
    plain = {name: _plain(name) for name in {*names} - {""}}
    buckets: dict[str, set[str]] = {}
    for name, text in plain.items():
        for key in {text, *(text[:i] + text[i + 1 :] for i in range(len(text)) if len(text) >= _SHORTEST)}:
            buckets.setdefault(key, set()).add(name)
    pairs = {pair for bucket in buckets.values() for pair in combinations(sorted(bucket), 2)}
    found = (NearNames(a, b, how) for a, b in pairs if (how := _difference(plain[a], plain[b])))
    return sorted(found)


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum()) or name


def _difference(a: str, b: str) -> str:
    if a == b:
        return "case or separators"
    if min(len(a), len(b)) < _SHORTEST:
        return ""
    short, long = sorted((a, b), key=len)
    start = next((i for i, (x, y) in enumerate(zip(short, long, strict=False)) if x != y), len(short))
    if len(short) < len(long):
        changed = long[start] if short[start:] == long[start + 1 :] else ""
    elif short[start + 1 :] == long[start + 1 :]:
        changed = short[start] + long[start]
    elif short[start : start + 2] == long[start : start + 2][::-1] and short[start + 2 :] == long[start + 2 :]:
        changed = short[start : start + 2]
    else:
        changed = ""
    return "one letter" if changed and not any(c.isdigit() for c in changed) else ""
