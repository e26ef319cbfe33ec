-- Who may write and read. A key itself is nowhere: only its digest is.
CREATE TABLE IF NOT EXISTS keys
(
    key_id String COMMENT 'names the key, in lists and to revoke it',
    digest String COMMENT 'SHA-256 of the key, hex',
    scope LowCardinality(String) COMMENT 'ingest: writes spans; read: reads; admin: both, and changes prices and keys',
    project LowCardinality(String) COMMENT 'project that it is for; empty: all, for admin only',
    note String COMMENT 'who has it, and what for',
    created_at DateTime64(6, 'UTC') COMMENT 'when it was made',
    revoked Bool COMMENT 'holds no more',
    changed_at DateTime64(6, 'UTC') COMMENT 'when it was made or revoked; a later row of the same key replaces the earlier one'
)
ENGINE = ReplacingMergeTree(changed_at)
-- Small; every collector reads it whole.
ORDER BY key_id
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
