-- The ledger at coarser grains, fed from it by views: differences add up.
CREATE TABLE IF NOT EXISTS spend_cubes
(
    grain LowCardinality(String) COMMENT 'quarter_hour, day (both without tenant and user), tenant_day, user_day (both without environment and service)',
    project LowCardinality(String) COMMENT 'project of the ingest key',
    at DateTime('UTC') COMMENT 'start of the quarter of an hour or of the UTC day',
    priced_at DateTime('UTC') COMMENT 'instant whose price holds: start of the UTC day, or of the part of the day for models with prices by the hour',
    environment LowCardinality(String) COMMENT 'deployment environment',
    service LowCardinality(String) COMMENT 'service.name',
    feature LowCardinality(String) COMMENT 'the feature that pays; empty: unallocated',
    feature_source LowCardinality(String) COMMENT 'declared, mapped, inferred or empty',
    tenant LowCardinality(String) COMMENT 'customer of the application; only at grain tenant_day',
    user_id String COMMENT 'user of the application; only at grain user_day',
    provider LowCardinality(String) COMMENT 'as the span names it',
    model LowCardinality(String) COMMENT 'as the span names it',
    price_context LowCardinality(String) COMMENT 'service tier, batch, speed',
    name_id UInt64 COMMENT 'sipHash64(provider, model, price_context): the key into rates',
    tier_start UInt32 COMMENT 'highest edge of the model''s long-context prices that the call''s input exceeds; 0: base price',
    basis LowCardinality(String) COMMENT 'what the dollars rest on: see calls.basis',
    meter LowCardinality(String) COMMENT 'empty: tokens; else the meter that quantity counts',
    counted LowCardinality(String) COMMENT 'yes: part of the bill; duplicate, wrapper: removed from it',
    calls SimpleAggregateFunction(sum, Int64) COMMENT 'calls; 0 on rows of a meter',
    failed_calls SimpleAggregateFunction(sum, Int64) COMMENT 'of calls: ended in an error',
    uncached_tokens SimpleAggregateFunction(sum, Int64) COMMENT 'input outside the cache: text',
    cache_read_tokens SimpleAggregateFunction(sum, Int64) COMMENT 'input read from the cache',
    cache_write_5m_tokens SimpleAggregateFunction(sum, Int64) COMMENT 'input written to the cache, short life',
    cache_write_1h_tokens SimpleAggregateFunction(sum, Int64) COMMENT 'input written to the cache, an hour',
    audio_input_tokens SimpleAggregateFunction(sum, Int64) COMMENT 'input outside the cache: audio',
    image_input_tokens SimpleAggregateFunction(sum, Int64) COMMENT 'input outside the cache: images',
    answer_tokens SimpleAggregateFunction(sum, Int64) COMMENT 'output: text without reasoning',
    reasoning_tokens SimpleAggregateFunction(sum, Int64) COMMENT 'output: reasoning',
    audio_output_tokens SimpleAggregateFunction(sum, Int64) COMMENT 'output: audio',
    image_output_tokens SimpleAggregateFunction(sum, Int64) COMMENT 'output: images',
    quantity SimpleAggregateFunction(sum, Decimal(38, 6)) COMMENT 'what the meter counted',
    reported_cost_usd SimpleAggregateFunction(sum, Decimal(38, 15)) COMMENT 'cost as reported, where basis is reported',
    duration_us SimpleAggregateFunction(sum, Int64) COMMENT 'length of the calls',
    pass SimpleAggregateFunction(max, UInt64) COMMENT 'number of the last pass that wrote'
)
ENGINE = AggregatingMergeTree
PARTITION BY (grain, toYYYYMM(at))
-- Reports and charts ask for a grain, a project and a stretch of time.
ORDER BY (grain, project, at, feature, feature_source, environment, service, tenant, user_id, name_id, provider, model, price_context, priced_at, tier_start, basis, meter, counted)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
