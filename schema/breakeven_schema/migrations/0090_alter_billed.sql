-- The lines of each import stay apart, whatever they say: which of them hold is told by `imports` (view billed_now).
ALTER TABLE billed
    ADD COLUMN IF NOT EXISTS report LowCardinality(String) COMMENT 'costs (money), usage (quantities) or focus (both)' AFTER source,
    ADD COLUMN IF NOT EXISTS part LowCardinality(String) COMMENT 'endpoint of usage (completions, images, …), or billing account of a FOCUS file; empty: the report has no parts' AFTER report,
    ADD COLUMN IF NOT EXISTS provider LowCardinality(String) COMMENT 'spelled as calls.provider' AFTER part,
    ADD COLUMN IF NOT EXISTS open Bool COMMENT 'the provider may still change it' AFTER to_time,
    ADD COLUMN IF NOT EXISTS key_id String COMMENT 'id of the API key at the provider, never the key' AFTER key_name,
    ADD COLUMN IF NOT EXISTS price_context LowCardinality(String) COMMENT 'what else picks the rate, spelled as calls.price_context' AFTER model,
    ADD COLUMN IF NOT EXISTS import_id String COMMENT 'the import that brought the line',
    ADD COLUMN IF NOT EXISTS line UInt32 COMMENT 'number of the line in its import',
    MODIFY ORDER BY (project, source, from_time, provider_project, key_name, model, item, meter, import_id, line)
