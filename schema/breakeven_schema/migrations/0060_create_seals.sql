-- Up to where minutes are sealed: their calls may go, and what comes for them now is late. Two rows a step, announced and
-- closed; rows are only added, and the boundaries only grow. At most one step is announced and not closed.
CREATE TABLE IF NOT EXISTS seals
(
    sealed_before DateTime('UTC') COMMENT 'minutes before this are sealed',
    from_ns UInt64 COMMENT 'for requests that a collector took from this moment on, Unix nanoseconds; those it took before still belong to calls',
    closed Bool COMMENT 'no request from before from_ns is on its way any more: all calls of the sealed minutes that come now are late',
    at DateTime64(6, 'UTC') COMMENT 'when the row was written'
)
ENGINE = MergeTree
-- Read whole: by every insert, for late; by every pass.
ORDER BY sealed_before
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
