ALTER TABLE price_override
    MODIFY COLUMN provider LowCardinality(String) COMMENT 'provider as the spans name it, or its id in the book; empty: any',
    MODIFY COLUMN model LowCardinality(String) COMMENT 'model as the spans name it, or its id in the book',
    MODIFY COLUMN price_context LowCardinality(String) COMMENT 'price context as in calls; empty: standard',
    MODIFY COLUMN entered_at DateTime64(6, 'UTC') COMMENT 'when it was entered, or taken back; where entries of one scope overlap, the later one holds',
    ADD COLUMN IF NOT EXISTS entry_id LowCardinality(String) COMMENT 'names the entry',
    ADD COLUMN IF NOT EXISTS every_context Bool COMMENT 'holds in every price context, whatever price_context says',
    ADD COLUMN IF NOT EXISTS book_factor Nullable(Decimal(38, 15)) COMMENT 'the book''s rates times this, in place of own ones: 0.88 is 12 % off; NULL: own rates',
    ADD COLUMN IF NOT EXISTS gpu_hour_usd Nullable(Decimal(38, 15)) COMMENT 'USD for an hour of one GPU of a self-hosted model: its rates are those of amortised_rates; NULL: no such model',
    ADD COLUMN IF NOT EXISTS gpus UInt32 COMMENT 'GPUs that serve the model',
    ADD COLUMN IF NOT EXISTS removed Bool COMMENT 'taken back',
    MODIFY ORDER BY (project, provider, model, price_context, valid_from, entry_id)
