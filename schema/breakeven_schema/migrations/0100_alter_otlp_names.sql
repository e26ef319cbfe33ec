ALTER TABLE otlp_names
    ADD COLUMN IF NOT EXISTS their_cost_usd Nullable(Decimal(38, 15)) COMMENT 'see calls'
