-- Spans that are not calls but may stand between two calls of a trace: the steps from a wrapper down to the call.
CREATE TABLE IF NOT EXISTS span_links
(
    project LowCardinality(String) COMMENT 'project of the ingest key',
    ts DateTime64(6, 'UTC') COMMENT 'start of the span',
    trace_id String COMMENT '16 bytes',
    span_id String COMMENT '8 bytes',
    parent_span_id String COMMENT '8 bytes',
    received_ns UInt64 COMMENT 'when the collector took it, Unix nanoseconds'
)
ENGINE = ReplacingMergeTree(received_ns)
PARTITION BY toYYYYMM(ts)
-- A pass looks for the links of the traces of given minutes.
ORDER BY (project, toStartOfMinute(ts), trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
