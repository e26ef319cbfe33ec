"""What alert rules read, made here where the store has none of it yet."""

from breakeven_collector.store import Store

_TABLES = {
    "verdicts_now": "CREATE VIEW verdicts_now AS SELECT * FROM verdicts ORDER BY decided_at DESC LIMIT 1 BY project, feature",
    "forecasts": """
        CREATE TABLE forecasts (project LowCardinality(String), feature LowCardinality(String), month Date,
            made_at DateTime64(6, 'UTC'), so_far_usd Float64, p10_usd Nullable(Float64), p50_usd Nullable(Float64),
            p90_usd Nullable(Float64), budget_usd Nullable(Decimal(18, 6)), reason LowCardinality(String))
        ENGINE = MergeTree ORDER BY (project, feature, month, made_at)""",
    "forecasts_now": "CREATE VIEW forecasts_now AS SELECT * FROM forecasts ORDER BY made_at DESC LIMIT 1 BY project, feature, month",
    "collector_health": """
        CREATE TABLE collector_health (collector LowCardinality(String), at DateTime('UTC'), lag_seconds Float64)
        ENGINE = MergeTree ORDER BY (collector, at)""",
}


def complete(store: Store) -> Store:
    there = {row["name"] for row in store.rows("SELECT name FROM system.tables WHERE database = currentDatabase()")}
    for name, sql in _TABLES.items():
        if name not in there:
            store.run(sql)
    return store
