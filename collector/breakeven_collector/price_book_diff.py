"""What a newer book says otherwise than the active one: shown before `breakeven prices sync` puts it in place."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from breakeven_collector.price_overrides import plain
from breakeven_collector.prices import BUCKETS, PARENTS, Book, Rates

LARGE_PERCENT = Decimal(20)
"""A change of more than this is flagged: rates seldom move so far, and a slip in the data often does."""

_MILLION = Decimal(1_000_000)
_Edge = tuple[str, int, int]
"""Price context, long-context edge, second of the day."""
_Dated = dict[_Edge, list[tuple[datetime, Rates]]]


def compare(old: Book, new: Book, *, now: datetime | None = None) -> dict[str, Any]:
    """Models that are added, removed or priced otherwise today, and those whose earlier or later prices alone differ.

    Rates are USD by the million tokens, a call or a unit of a meter, as decimal strings; None: no rate. `percent` is
    None where there was none, or 0.
    """
    now = now or datetime.now(UTC)
    before, after = _by_model(old), _by_model(new)
    changed = [
        change
        for key in sorted(before.keys() & after.keys())
        if before[key] != after[key]
        for change in _changes(key, _today(before[key], now), _today(after[key], now))
    ]
    named = {(change["provider"], change["model"]) for change in changed}
    return {
        "from": old.version,
        "to": new.version,
        "added": [{"provider": p, "model": m} for p, m in sorted(after.keys() - before.keys())],
        "removed": [{"provider": p, "model": m} for p, m in sorted(before.keys() - after.keys())],
        "changed": changed,
        "other_dates": [
            {"provider": p, "model": m}
            for p, m in sorted(before.keys() & after.keys())
            if before[p, m] != after[p, m] and (p, m) not in named
        ],
        "large": sum(change["large"] for change in changed),
    }


def _by_model(book: Book) -> dict[tuple[str, str], _Dated]:
    # What a provider sells at another's prices changes with those.
    own = {(provider.id, model.id) for provider in book.providers for model in provider.models}
    models: dict[tuple[str, str], _Dated] = {}
    for row in book.rows():
        if (row.provider, row.model) in own:
            edges = models.setdefault((row.provider, row.model), {})
            edges.setdefault((row.price_context, row.tier_start, row.day_start), []).append((row.valid_from, row.rates))
    return models


def _today(edges: _Dated, now: datetime) -> dict[_Edge, dict[str, Decimal]]:
    return {
        edge: _told(max((entry for entry in dated if entry[0] <= now), key=lambda entry: entry[0])[1])
        for edge, dated in edges.items()
    }


def _told(rates: Rates) -> dict[str, Decimal]:
    told = {kind: usd * _MILLION for kind, usd in zip(BUCKETS, rates.buckets, strict=True) if usd is not None}
    told |= {} if rates.request is None else {"request": rates.request}
    return told | dict(rates.meters)


def _at(edges: Mapping[_Edge, dict[str, Decimal]], edge: _Edge) -> dict[str, Decimal]:
    """The rates that hold at an edge which the other book has."""
    context = edge[0] if any(context == edge[0] for context, _, _ in edges) else ""
    below = [(tier, day) for name, tier, day in edges if name == context and tier <= edge[1] and day <= edge[2]]
    return edges[context, *max(below)] if below else {}


def _changes(
    key: tuple[str, str], before: Mapping[_Edge, dict[str, Decimal]], after: Mapping[_Edge, dict[str, Decimal]]
) -> Iterator[dict[str, Any]]:
    for edge in sorted(before.keys() | after.keys()):
        old, new = _at(before, edge), _at(after, edge)
        for kind in [*BUCKETS, *sorted((old.keys() | new.keys()) - BUCKETS.keys())]:
            was, becomes = old.get(kind), new.get(kind)
            parent = PARENTS.get(kind, kind)
            if was == becomes or (kind != parent and was == old.get(parent) and becomes == new.get(parent)):
                continue
            percent = None if not was or becomes is None else ((becomes / was - 1) * 100).quantize(Decimal("0.1"))
            yield {
                "provider": key[0],
                "model": key[1],
                "price_context": edge[0] or "standard",
                "above_input_tokens": edge[1],
                "from_second_of_day": edge[2],
                "kind": kind,
                "old_usd": plain(was),
                "new_usd": plain(becomes),
                "percent": None if percent is None else float(percent),
                # A rate that comes or goes cannot be told in percent, and is no smaller thing.
                "large": percent is None or abs(percent) > LARGE_PERCENT,
            }
