-- What is to be told, each thing once; deliveries stand in a table of their own.
CREATE TABLE IF NOT EXISTS alert_events
(
    id String COMMENT 'the same thing, worked out again or by another collector, has the same; hex',
    project LowCardinality(String) COMMENT 'whose',
    rule LowCardinality(String) COMMENT 'the rule, or digest',
    subject String COMMENT 'feature, service or provider; empty: the whole bill',
    change LowCardinality(String) COMMENT 'firing, resolved, still, corrected; empty for a digest',
    at DateTime64(6, 'UTC') COMMENT 'the moment that it was found for',
    since DateTime64(6, 'UTC') COMMENT 'when what it is about began: updates share it; of a digest, the end of its week',
    headline String COMMENT 'for people',
    usd Nullable(Float64) COMMENT 'the figure; NULL for a digest',
    limit_usd Nullable(Float64) COMMENT 'what it is held against',
    document String COMMENT 'JSON of all of it',
    kept_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'when it was written'
)
ENGINE = MergeTree
-- The history is read by time.
ORDER BY (project, at, rule, subject)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
