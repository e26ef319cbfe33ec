-- Each verdict as it was given, with all that it was worked out from. Appended where something changed, never rewritten.
CREATE TABLE IF NOT EXISTS verdicts
(
    project LowCardinality(String) COMMENT 'project it was asked for; empty: all together',
    feature LowCardinality(String) COMMENT 'what was decided about',
    decided_at DateTime64(6, 'UTC') COMMENT 'when it was worked out',
    digest String COMMENT 'SHA-256 of inputs, book_version and model_version, hex: the same inputs give the same verdict',
    window_from DateTime('UTC') COMMENT 'start of the data, inclusive',
    window_to DateTime('UTC') COMMENT 'end of the data, exclusive',
    timezone LowCardinality(String) COMMENT 'where its days begin',
    book_version String COMMENT 'price book that was active; empty: none',
    model_version LowCardinality(String) COMMENT 'version of the program that worked it out',
    code LowCardinality(String) COMMENT 'the verdict, for machines',
    rule UInt8 COMMENT 'number of the rule that fitted first',
    sentence String COMMENT 'the verdict, for people',
    spend_usd Float64 COMMENT 'the feature''s dollars in the window',
    threshold_usd Nullable(Float64) COMMENT 'its break-even, USD a month; NULL: there is none',
    inputs String COMMENT 'JSON of the evidence: load by the hour, bill, alternatives, assumptions, what was declared'
)
ENGINE = MergeTree
-- The last verdicts of a feature are what is asked for.
ORDER BY (project, feature, decided_at)
SETTINGS non_replicated_deduplication_window = 1000
