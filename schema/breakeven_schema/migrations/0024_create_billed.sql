-- What a provider's own account says, by day or hour. It stands beside what calls tell and is never added to it.
CREATE TABLE IF NOT EXISTS billed
(
    project LowCardinality(String) COMMENT 'our project',
    source LowCardinality(String) COMMENT 'where the line comes from: openai, anthropic, focus, …',
    from_time DateTime('UTC') COMMENT 'start of the period the line is for, inclusive',
    to_time DateTime('UTC') COMMENT 'end of the period, exclusive',
    provider_project String COMMENT 'project or workspace at the provider',
    key_name String COMMENT 'name or id of the API key, never the key',
    model LowCardinality(String) COMMENT 'model as the provider names it; empty: none',
    item LowCardinality(String) COMMENT 'line item or description',
    meter LowCardinality(String) COMMENT 'what is counted: input_tokens, web_search, …; empty: only money',
    quantity Nullable(Decimal(38, 6)) COMMENT 'how much; NULL: not told',
    unit LowCardinality(String) COMMENT 'unit of quantity',
    amount Nullable(Decimal(38, 15)) COMMENT 'money in currency; NULL: not told',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    amount_usd Nullable(Decimal(38, 15)) COMMENT 'money in USD; NULL: not told, or no rate of exchange',
    imported_at DateTime64(6, 'UTC') COMMENT 'a later import replaces the line'
)
ENGINE = ReplacingMergeTree(imported_at)
PARTITION BY toYYYYMM(from_time)
-- Read by source and time, against spend of the same time.
ORDER BY (project, source, from_time, provider_project, key_name, model, item, meter)
SETTINGS non_replicated_deduplication_window = 1000
