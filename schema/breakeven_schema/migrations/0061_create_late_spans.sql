-- Calls of minutes that were sealed already, and the steps between them: what a pass needs to count them, no more. Kept as
-- long as the ledger, for a pass compares with it. The views late_calls and late_links read it.
CREATE TABLE IF NOT EXISTS late_spans
(
    project LowCardinality(String) COMMENT 'see calls',
    ts DateTime64(6, 'UTC') COMMENT 'see calls',
    is_call Bool COMMENT 'a call; else a step that may stand between two calls of a trace',
    trace_id String COMMENT 'see calls',
    span_id String COMMENT 'see calls',
    parent_span_id String COMMENT 'see calls',
    identity UInt64 COMMENT 'see calls',
    environment LowCardinality(String) COMMENT 'see calls',
    service LowCardinality(String) COMMENT 'see calls',
    feature LowCardinality(String) COMMENT 'see calls',
    feature_source LowCardinality(String) COMMENT 'see calls',
    feature_rank UInt8 COMMENT 'see calls',
    task LowCardinality(String) COMMENT 'see calls',
    tenant LowCardinality(String) COMMENT 'see calls',
    user_id String COMMENT 'see calls',
    scope LowCardinality(String) COMMENT 'see calls',
    scope_rank UInt8 COMMENT 'see calls',
    provider LowCardinality(String) COMMENT 'see calls',
    model LowCardinality(String) COMMENT 'see calls',
    price_context LowCardinality(String) COMMENT 'see calls',
    response_id String COMMENT 'see calls',
    input_tokens Nullable(Int64) COMMENT 'see calls',
    cache_read_tokens Int64 COMMENT 'see calls',
    cache_write_5m_tokens Int64 COMMENT 'see calls',
    cache_write_1h_tokens Int64 COMMENT 'see calls',
    audio_input_tokens Int64 COMMENT 'see calls',
    image_input_tokens Int64 COMMENT 'see calls',
    output_tokens Nullable(Int64) COMMENT 'see calls',
    reasoning_tokens Int64 COMMENT 'see calls',
    audio_output_tokens Int64 COMMENT 'see calls',
    image_output_tokens Int64 COMMENT 'see calls',
    meters Map(LowCardinality(String), Decimal(38, 6)) COMMENT 'see calls',
    reported_cost_usd Nullable(Decimal(38, 15)) COMMENT 'see calls',
    failed Bool COMMENT 'see calls',
    basis LowCardinality(String) COMMENT 'see calls',
    duration_us UInt64 COMMENT 'see calls',
    received_ns UInt64 COMMENT 'see calls',
    origin_id UInt64 COMMENT 'see calls',
    retry Bool COMMENT 'see calls',
    resends UInt16 COMMENT 'see calls',
    estimated_input_tokens Nullable(Int64) COMMENT 'see calls',
    estimated_output_tokens Nullable(Int64) COMMENT 'see calls'
)
ENGINE = ReplacingMergeTree(received_ns)
PARTITION BY toYYYYMM(ts)
-- As calls: a pass reads the rows of given minutes.
ORDER BY (project, toStartOfMinute(ts), identity, trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
