-- What was imported, a row an import, written after all of its lines: an import that broke off half-way counts nothing.
CREATE TABLE IF NOT EXISTS imports
(
    project LowCardinality(String) COMMENT 'our project',
    import_id String COMMENT 'names the lines in billed',
    source LowCardinality(String) COMMENT 'openai, anthropic or focus',
    origin String COMMENT 'file names, or pull and the address',
    pulled Bool COMMENT 'from the provider itself and not from a file',
    days Array(Tuple(report String, part String, day Date, provider_project String, lines UInt32, open Bool, digest String)) COMMENT 'what it says all of; a later import of the same report, part, day and provider_project takes its place',
    lines UInt32 COMMENT 'lines in billed',
    bad_rows UInt32 COMMENT 'rows that could not be read',
    warnings Array(String) COMMENT 'what was not understood',
    digest String COMMENT 'sha256 over days',
    imported_at DateTime64(6, 'UTC') COMMENT 'when'
)
ENGINE = ReplacingMergeTree(imported_at)
-- Read whole for a project, to find the last import of a day.
ORDER BY (project, source, import_id)
SETTINGS non_replicated_deduplication_window = 1000
