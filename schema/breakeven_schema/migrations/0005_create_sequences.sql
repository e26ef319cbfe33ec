-- The running numbers of LLM spans that arrived, a set a process and day: a number that is missing below the highest
-- one is a span that was lost on the way.
CREATE TABLE IF NOT EXISTS sequences
(
    project LowCardinality(String) COMMENT 'project of the ingest key',
    service LowCardinality(String) COMMENT 'service.name',
    seq_source String COMMENT 'the process that numbers (breakeven.seq.source, else service.instance.id)',
    day SimpleAggregateFunction(max, Date) COMMENT 'last day a span of the process started',
    seen AggregateFunction(groupBitmap, UInt64) COMMENT 'the numbers that arrived',
    highest SimpleAggregateFunction(max, UInt64) COMMENT 'the highest of them'
)
ENGINE = AggregatingMergeTree
-- Read whole, a project at a time; a row a process.
ORDER BY (project, service, seq_source)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
