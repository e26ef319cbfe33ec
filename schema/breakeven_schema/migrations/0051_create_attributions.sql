-- Whose dollars the rows of the ledger are: a dated history for each way they are named there. From valid_from up to the
-- next row of the same key the cost belongs to `parts`, whose weights sum to 1. The first row of a key is from 1970.
CREATE TABLE IF NOT EXISTS attributions
(
    version String COMMENT 'see attribution_versions',
    project LowCardinality(String) COMMENT 'as in the ledger',
    feature LowCardinality(String) COMMENT 'as in the ledger, before rules and aliases',
    feature_source LowCardinality(String) COMMENT 'as in the ledger: declared, inferred or empty',
    origin_id UInt64 COMMENT 'as in the ledger: row of origins; 0 where the feature is declared',
    environment LowCardinality(String) COMMENT 'as in the ledger; each key is also there with an empty one, for grains without environment',
    valid_from DateTime('UTC') COMMENT 'start of the UTC day from which it holds, up to the next row of the key',
    parts Array(Tuple(
        feature String,
        feature_source String,
        weight Decimal(38, 12),
        owner String,
        cost_centre String,
        cost_class String)) COMMENT 'who pays which share; feature_source is declared, mapped, inferred or empty; owner and cost_centre are empty where none is declared',
    rule String COMMENT 'the [[map]] rule that named the feature: its place in the file and what it matches; empty: none did',
    resolved_at DateTime64(6, 'UTC') COMMENT 'when it was worked out'
)
ENGINE = ReplacingMergeTree(resolved_at)
-- An old version is dropped as a whole.
PARTITION BY version
-- The view attributions_now reads one version, spend joins it by all that stands before valid_from.
ORDER BY (version, project, feature, feature_source, origin_id, environment, valid_from)
SETTINGS non_replicated_deduplication_window = 1000
