-- Which moments were looked at: what is done is not done again by a second collector or after a restart.
CREATE TABLE IF NOT EXISTS alert_runs
(
    kind LowCardinality(String) COMMENT 'hourly, daily or weekly',
    at DateTime64(6, 'UTC') COMMENT 'the moment that was looked at',
    ran_at DateTime64(6, 'UTC') COMMENT 'when it was done',
    seconds Float64 COMMENT 'how long it took',
    conditions UInt32 COMMENT 'how many were looked at',
    events UInt32 COMMENT 'how many things were to be told',
    error String COMMENT 'what could not be looked at; empty: all was'
)
ENGINE = MergeTree
-- The last moment of a kind is what is asked for.
ORDER BY (kind, at)
SETTINGS non_replicated_deduplication_window = 1000
