-- What a token of a self-hosted model cost on a day: hours × GPUs × USD, divided by the tokens that were served. Made
-- again by a job for as long as the day's calls may still arrive.
CREATE TABLE IF NOT EXISTS amortised_rates
(
    entry_id LowCardinality(String) COMMENT 'entry of price_override',
    day Date COMMENT 'UTC day',
    hours Decimal(9, 4) COMMENT 'hours of the day that had passed; 24 but for the day that was not over',
    cost_usd Decimal(38, 15) COMMENT 'what the GPUs cost in these hours',
    tokens UInt64 COMMENT 'input and output tokens that the model served in them, cached ones included',
    usd_per_token Nullable(Decimal(38, 15)) COMMENT 'cost_usd / tokens, one rate for all kinds of tokens; NULL: nothing was served',
    computed_at DateTime64(6, 'UTC') COMMENT 'when; a later row of the same day replaces the earlier one'
)
ENGINE = ReplacingMergeTree(computed_at)
-- Small; joined whole by override_rates.
ORDER BY (entry_id, day)
SETTINGS non_replicated_deduplication_window = 1000
