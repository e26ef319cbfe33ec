-- Which names calls came with: the work list of the job that fills model_names.
CREATE TABLE IF NOT EXISTS models_seen
(
    provider LowCardinality(String) COMMENT 'as the span names it',
    model LowCardinality(String) COMMENT 'as the span names it',
    price_context LowCardinality(String) COMMENT 'as in calls',
    first_seen SimpleAggregateFunction(min, DateTime('UTC')) COMMENT 'start of the earliest call',
    last_seen SimpleAggregateFunction(max, DateTime('UTC')) COMMENT 'start of the latest call'
)
ENGINE = AggregatingMergeTree
-- Small; read whole.
ORDER BY (provider, model, price_context)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
