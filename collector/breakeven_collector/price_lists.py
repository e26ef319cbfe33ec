"""What prices there are and what they come to: the documents behind `breakeven prices list` and `show`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from breakeven_collector.catalog import Catalog
from breakeven_collector.errors import BadRequest
from breakeven_collector.price_overrides import list_overrides, plain
from breakeven_collector.prices import BUCKETS, PARENTS
from breakeven_collector.projects import of_project
from breakeven_collector.store import Store

_MILLION = Decimal(1_000_000)


def list_prices(
    store: Store,
    *,
    days: int = 30,
    whole_book: bool = False,
    project: str | None = None,
    now: datetime | None = None,
) -> dict[str, Any]:
    """The books, the overrides, and the models that calls came with in the last `days` days, with rates and dollars.

    USD are decimal strings, None where not known; rates are by the million tokens and those of today, of the lowest
    long-context tier and the first part of the day. Given a project, only its models, and the overrides that hold for
    it.

    Raises:
        StoreError: the store cannot be read.
    """
    now = now or datetime.now(UTC)
    start = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)
    moment = {"now": int(now.timestamp()), "from": int(start.timestamp())}
    used = store.query_file("prices_in_use", {**moment, **of_project(project)})
    known = [row["cost_usd"] for row in used if row["cost_usd"] is not None]
    total = sum(known, Decimal(0)) if known else None
    books = [
        _book(row, now) for row in store.rows("SELECT * FROM price_books FINAL ORDER BY loaded_at DESC, book_version")
    ]
    document: dict[str, Any] = {
        "days": days,
        "book": books[0] if books else None,
        "older_books": books[1:],
        "overrides": list_overrides(store, project),
        "cost_usd": plain(total),
        "models": [_used(row, total) for row in used],
    }
    if whole_book:
        document["all_models"] = [
            {"provider": row["provider"], "model": row["model"], **_rates(row), "source_url": row["source_url"]}
            for row in store.query_file("book_today", moment)
        ]
    return document


def show_price(
    store: Store, catalog: Catalog, model: str, provider: str = "", project: str | None = None
) -> dict[str, Any]:
    """All that is known of a model's price: dated rates, tiers, contexts, the names it came with, overrides.

    Args:
        store: an open store.
        catalog: looks up what no call came with.
        model: a name as on spans, or the id of a model in the book.
        provider: as on spans or in the book; empty: all.
        project: only names that its calls came with, and overrides that hold for it; None: of all projects.

    Raises:
        BadRequest: neither calls nor the active book know it.
        StoreError: the store cannot be read.
    """
    asked = {"model": model, "provider": provider.lower()}
    names = [_name(row) for row in store.query_file("names_of_model", {**asked, **of_project(project)})]
    meant = {(n["book_provider"], n["book_model"]) for n in names if n["book_model"]}
    found = catalog.resolve((provider, model, ""))
    if found.model and not names:
        meant.add((found.provider, found.model))
    rates: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in store.query_file("dated_rates", {**asked, "models": sorted(meant)}):
        rates.setdefault((row["provider"], row["model"]), []).append(row)
    overrides = [
        entry
        for entry in list_overrides(store, project)
        if entry["model"] in {model, *(n["model"] for n in names), *(m for _, m in rates)}
        and (not provider or entry["provider"] in (None, provider))
    ]
    if not names and not rates and not overrides:
        raise BadRequest(404, f"no call came with {model!r}, and the active book does not know it: {found.reason}")
    return {
        "model": model,
        "book": (catalog.versions() or [None])[-1],
        "names": names,
        "overrides": overrides,
        "rates": [
            {
                "provider": key[0],
                "model": key[1],
                "source_url": rows[0]["source_url"] or None,
                "rates": [
                    {
                        "price_context": row["price_context"] or "standard",
                        "above_input_tokens": row["tier_start"],
                        "from_second_of_day": row["day_start"],
                        # The book's first price holds since ever.
                        "from": f"{row['valid_from']:%Y-%m-%d}" if row["valid_from"].year > 2020 else None,
                        **_rates(row),
                    }
                    for row in rows
                ],
            }
            for key, rows in rates.items()
        ],
    }


def _book(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    newest = row["newest_price"]
    return {
        "version": row["book_version"],
        "models": row["models"],
        "loaded_at": row["loaded_at"].replace(tzinfo=UTC).isoformat(),
        "newest_price": f"{newest:%Y-%m-%d}" if newest else None,
        "age_days": (now.date() - newest).days if newest else None,
    }


def _used(row: Mapping[str, Any], total: Decimal | None) -> dict[str, Any]:
    cost: Decimal | None = row["cost_usd"]
    return {
        **_name(row),
        "calls": int(row["calls"]),
        "unpriced_calls": int(row["unpriced_calls"]),
        "cost_usd": plain(cost),
        "share": None if cost is None or not total else float(round(cost / total, 9)),
        "unpriced_reasons": sorted(reason for reason in row["unpriced_reasons"] if reason),
        "priced_by": sorted(source for source in row["price_sources"] if source),
        "overrides": sorted(row["entry_ids"]),
        "amortised": bool(row["amortised"]),
        "source_url": row["source_url"] or None,
        **_rates(row),
    }


def _name(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "provider": row["provider"] or None,
        "model": row["model"] or None,
        "price_context": row["price_context"] or "standard",
        "book_provider": row["book_provider"] or None,
        "book_model": row["book_model"] or None,
        "book_context": row["book_context"] or "standard",
        "reason": row["reason"] or None,
        **({"first_seen": f"{row['first_seen']:%Y-%m-%d}"} if "first_seen" in row else {}),
        **({"last_seen": f"{row['last_seen']:%Y-%m-%d}"} if "last_seen" in row else {}),
    }


def _rates(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "usd_per_million_tokens": {bucket: plain(row[f"{bucket}_usd_per_token"], _MILLION) for bucket in BUCKETS},
        "request_usd": plain(row["request_usd"]),
        "meter_usd": {meter: plain(usd) for meter, usd in sorted(row["meter_usd"].items())},
    }


def rate_line(rates: Mapping[str, str | None]) -> Sequence[tuple[str, str]]:
    """What a row of rates says in short: a kind that costs what all input or output does is left out."""
    told: list[tuple[str, str]] = []
    for bucket, usd in rates.items():
        if usd is not None and (bucket == PARENTS[bucket] or usd != rates[PARENTS[bucket]]):
            told.append((bucket, usd))
    return told
