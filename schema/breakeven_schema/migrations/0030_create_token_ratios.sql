-- What is learned from calls that report usage, for those that do not: by how much an estimate is off, and what a call
-- of this feature and model usually takes. One learning is one `learned_at`; the latest holds.
CREATE TABLE IF NOT EXISTS token_ratios
(
    project LowCardinality(String) COMMENT 'project of the ingest key',
    feature LowCardinality(String) COMMENT 'as in the ledger',
    name_id UInt64 COMMENT 'sipHash64(provider, model, price_context), as in the ledger',
    input_ratio Decimal(38, 6) COMMENT 'reported input tokens for each estimated one',
    output_ratio Decimal(38, 6) COMMENT 'reported output tokens for each estimated one',
    samples UInt64 COMMENT 'calls with both that input_ratio rests on; 0: only the factor of the model family',
    learned_from LowCardinality(String) COMMENT 'feature: its own calls of this model; model: all calls of the model; family: none',
    typical_input_tokens Nullable(Decimal(38, 6)) COMMENT 'mean input of calls that report it; NULL: too few',
    typical_output_tokens Nullable(Decimal(38, 6)) COMMENT 'mean output of calls that report it; NULL: too few',
    typical_calls UInt64 COMMENT 'calls that the typical tokens rest on',
    learned_at DateTime64(6, 'UTC') COMMENT 'when'
)
ENGINE = ReplacingMergeTree(learned_at)
-- Small; joined whole by spend.
ORDER BY (project, feature, name_id)
SETTINGS non_replicated_deduplication_window = 1000
