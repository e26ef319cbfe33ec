-- Each reading of breakeven.toml that changed what attributions says. The one loaded last is what reports see.
CREATE TABLE IF NOT EXISTS attribution_versions
(
    version String COMMENT 'digest of the declarations and of the way they are applied',
    loaded_at DateTime64(6, 'UTC') COMMENT 'when it became the one that counts',
    declarations String COMMENT 'features, rules, aliases and cost classes as JSON: a collector that starts with a broken file goes on with them'
)
ENGINE = MergeTree
-- Read whole.
ORDER BY loaded_at
SETTINGS non_replicated_deduplication_window = 1000
