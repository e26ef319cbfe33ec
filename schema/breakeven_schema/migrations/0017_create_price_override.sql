-- Own rates on top of the book: contracts, and models that one hosts oneself.
CREATE TABLE IF NOT EXISTS price_override
(
    project LowCardinality(String) COMMENT 'project it holds for; empty: all',
    provider LowCardinality(String) COMMENT 'provider as the spans name it',
    model LowCardinality(String) COMMENT 'model as the spans name it',
    price_context LowCardinality(String) COMMENT 'price context as in calls',
    valid_from DateTime('UTC') COMMENT 'from when on, inclusive',
    valid_to DateTime('UTC') COMMENT 'until when, exclusive',
    uncached_usd_per_token Nullable(Decimal(38, 15)) COMMENT 'input outside the cache; NULL: the book has no rate',
    cache_read_usd_per_token Nullable(Decimal(38, 15)) COMMENT 'input read from the cache; NULL: the book has no rate',
    cache_write_5m_usd_per_token Nullable(Decimal(38, 15)) COMMENT 'input written to the cache, short life; NULL: the book has no rate',
    cache_write_1h_usd_per_token Nullable(Decimal(38, 15)) COMMENT 'input written to the cache, an hour; NULL: the book has no rate',
    audio_input_usd_per_token Nullable(Decimal(38, 15)) COMMENT 'audio input; NULL: the book has no rate',
    image_input_usd_per_token Nullable(Decimal(38, 15)) COMMENT 'image input; NULL: the book has no rate',
    answer_usd_per_token Nullable(Decimal(38, 15)) COMMENT 'output text; NULL: the book has no rate',
    reasoning_usd_per_token Nullable(Decimal(38, 15)) COMMENT 'output spent on reasoning; NULL: the book has no rate',
    audio_output_usd_per_token Nullable(Decimal(38, 15)) COMMENT 'audio output; NULL: the book has no rate',
    image_output_usd_per_token Nullable(Decimal(38, 15)) COMMENT 'image output; NULL: the book has no rate',
    request_usd Nullable(Decimal(38, 15)) COMMENT 'charge a call; NULL: none',
    meter_usd Map(LowCardinality(String), Decimal(38, 15)) COMMENT 'meter → USD a unit',
    note String COMMENT 'why, and who entered it',
    entered_at DateTime64(6, 'UTC') COMMENT 'when it was entered; a later row with the same key replaces the earlier one'
)
ENGINE = ReplacingMergeTree(entered_at)
-- Small; read whole.
ORDER BY (project, provider, model, price_context, valid_from)
SETTINGS non_replicated_deduplication_window = 1000
