-- What mapping rules, estimates, retries and gateways' caches need to know of a call.
ALTER TABLE spans
    ADD COLUMN IF NOT EXISTS origin_id UInt64 COMMENT 'see calls',
    ADD COLUMN IF NOT EXISTS provider_key LowCardinality(String) COMMENT 'see origins',
    ADD COLUMN IF NOT EXISTS provider_project LowCardinality(String) COMMENT 'see origins',
    ADD COLUMN IF NOT EXISTS route LowCardinality(String) COMMENT 'see origins',
    ADD COLUMN IF NOT EXISTS agent LowCardinality(String) COMMENT 'see origins',
    ADD COLUMN IF NOT EXISTS workflow LowCardinality(String) COMMENT 'see origins',
    ADD COLUMN IF NOT EXISTS prompt LowCardinality(String) COMMENT 'see origins',
    ADD COLUMN IF NOT EXISTS retry Bool COMMENT 'see calls',
    ADD COLUMN IF NOT EXISTS resends UInt16 COMMENT 'see calls',
    ADD COLUMN IF NOT EXISTS estimated_input_tokens Nullable(Int64) COMMENT 'see calls',
    ADD COLUMN IF NOT EXISTS estimated_output_tokens Nullable(Int64) COMMENT 'see calls',
    ADD COLUMN IF NOT EXISTS estimate_incomplete Bool COMMENT 'see calls'
