-- Which minutes a journal segment brought calls for: what a pass over that segment has to look at again.
CREATE TABLE IF NOT EXISTS segment_slices
(
    segment String COMMENT 'journal segment',
    project LowCardinality(String) COMMENT 'project of the calls',
    slice DateTime('UTC') COMMENT 'start of the minute',
    landed DateTime('UTC') DEFAULT now() COMMENT 'when the row was written; rows go after 30 days'
)
ENGINE = ReplacingMergeTree
-- A pass asks for the slices of its segments.
ORDER BY (segment, project, slice)
TTL landed + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
