-- What people decided about features, beside what a verdict said. Appended, never rewritten.
CREATE TABLE IF NOT EXISTS decisions
(
    project LowCardinality(String) COMMENT 'project it is for; empty: all together',
    feature LowCardinality(String) COMMENT 'what was decided about',
    decided_at DateTime64(6, 'UTC') COMMENT 'when it was recorded',
    decision LowCardinality(String) COMMENT 'stay, optimise, hosted, hybrid, host or private',
    made_by String COMMENT 'who decided; empty: erased, or not told',
    note String COMMENT 'why',
    revisit_on Nullable(Date) COMMENT 'day on which to look again; NULL: not told',
    verdict_digest String COMMENT 'verdict that held then, see verdicts.digest; empty: none',
    book_version String COMMENT 'price book that was active then',
    spend_usd Nullable(Float64) COMMENT 'the feature''s dollars of the 30 days before; NULL: none seen'
)
ENGINE = MergeTree
-- Small; read whole.
ORDER BY (project, feature, decided_at)
SETTINGS non_replicated_deduplication_window = 1000
