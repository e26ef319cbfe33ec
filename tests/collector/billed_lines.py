"""Puts lines of a provider's account into a store."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from breakeven_collector.store import Store

_TABLE = """
CREATE TABLE IF NOT EXISTS billed_lines
(
    project LowCardinality(String), source LowCardinality(String), report LowCardinality(String),
    provider LowCardinality(String), from_time DateTime('UTC'), to_time DateTime('UTC'), open Bool,
    provider_project String, key_name String, key_id String, model LowCardinality(String),
    price_context LowCardinality(String), item LowCardinality(String), meter LowCardinality(String),
    quantity Nullable(Decimal(38, 6)), unit LowCardinality(String), amount Nullable(Decimal(38, 15)),
    currency LowCardinality(String), amount_usd Nullable(Decimal(38, 15)), imported_at DateTime64(6, 'UTC')
)
ENGINE = MergeTree ORDER BY tuple()
"""
_DEFAULTS: Mapping[str, Any] = {
    **{"project": "default", "provider_project": "", "key_name": "", "key_id": "", "model": "", "price_context": ""},
    **{"item": "", "meter": "", "quantity": None, "unit": "", "currency": "USD", "amount_usd": None, "open": False},
}


def insert_billed(store: Store, lines: Sequence[Mapping[str, Any]]) -> None:
    """Lines with the columns of billed_now; `day` stands for from_time and to_time, `source` is the provider's name."""
    store.run(_TABLE)
    store.run("CREATE OR REPLACE VIEW billed_now AS SELECT * FROM billed_lines")
    rows = [_row(line) for line in lines]
    store.insert("billed_lines", rows[0].keys(), [tuple(row.values()) for row in rows])


def _row(line: Mapping[str, Any]) -> dict[str, Any]:
    line = {**_DEFAULTS, "source": line["provider"], **line}
    day: date = line.pop("day")
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    amount: Decimal | None = line["amount_usd"]
    return dict(
        sorted(
            {
                **line,
                **{"from_time": start, "to_time": start + timedelta(days=1), "amount": amount},
                "imported_at": datetime.now(UTC),
            }.items()
        )
    )
