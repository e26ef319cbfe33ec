ALTER TABLE spans
    ADD COLUMN IF NOT EXISTS source LowCardinality(String) COMMENT 'see calls',
    ADD COLUMN IF NOT EXISTS their_cost_usd Nullable(Decimal(38, 15)) COMMENT 'see calls'
