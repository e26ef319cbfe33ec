-- What each collector tells of itself, once a minute: for dashboards and alerts that only read SQL. Of no project: it is about
-- all of them.
CREATE TABLE IF NOT EXISTS collector_health
(
    collector LowCardinality(String) COMMENT 'name of its machine, and its port',
    at DateTime64(6, 'UTC') COMMENT 'when',
    started_at DateTime64(6, 'UTC') COMMENT 'since when it runs: counters begin at 0 then',
    version LowCardinality(String) COMMENT 'of the program',
    lag_seconds Float64 COMMENT 'age of the oldest acknowledged request that is not in the ledger yet; 0: all are',
    journal_bytes UInt64 COMMENT 'waiting in its journal',
    journal_limit_bytes UInt64 COMMENT 'what may wait there; beyond it requests are answered 503',
    received UInt64 COMMENT 'spans acknowledged, since the start',
    landed UInt64 COMMENT 'of these: came into the ledger',
    rejected UInt64 COMMENT 'spans left out of requests whose others were kept, since the start',
    refused UInt64 COMMENT 'requests refused for good, since the start',
    unkept UInt64 COMMENT 'requests answered 503 because the journal could not take them, since the start',
    ship_errors UInt64 COMMENT 'tries to bring segments into the ledger that failed and are repeated, since the start',
    held_up Bool COMMENT 'the last such try failed',
    quarantined UInt64 COMMENT 'requests that lie in quarantine now'
)
ENGINE = MergeTree
-- The last minutes of each collector are what is asked for.
ORDER BY (collector, at)
TTL toDateTime(at) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 1000
