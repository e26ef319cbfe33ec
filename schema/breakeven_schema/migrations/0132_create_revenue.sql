-- What features or tenants brought in, as imported: set against their cost of goods for a margin.
CREATE TABLE IF NOT EXISTS revenue
(
    project LowCardinality(String) COMMENT 'our project',
    from_day Date COMMENT 'first day the amount is for',
    to_day Date COMMENT 'first day after',
    line UInt64 COMMENT 'hash of feature and tenant: the same line imported again replaces the earlier one',
    feature LowCardinality(String) COMMENT 'feature that earned it; empty: told by tenant',
    tenant String COMMENT 'tenant that paid it; empty: told by feature, or erased',
    amount_usd Decimal(38, 6) COMMENT 'USD; negative: given back',
    imported_at DateTime64(6, 'UTC') COMMENT 'a later import replaces the line'
)
ENGINE = ReplacingMergeTree(imported_at)
-- Read by month. The tenant is not in the key, so that it can be erased.
ORDER BY (project, from_day, to_day, line)
SETTINGS non_replicated_deduplication_window = 1000
