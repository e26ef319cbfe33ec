-- Dated rates a model, flattened to disjoint buckets: a bucket without a rate of its own has that of its most specific
-- priced ancestor, so a bill is a sum of products. Immutable: a newer book is a new book_version.
CREATE TABLE IF NOT EXISTS price_book
(
    book_version String COMMENT 'see price_books',
    price_id UInt64 DEFAULT sipHash64(provider, model, price_context) COMMENT 'key that model_names points to',
    provider LowCardinality(String) COMMENT 'id in the book',
    model LowCardinality(String) COMMENT 'id in the book',
    price_context LowCardinality(String) COMMENT 'what else picks the rate; empty: standard',
    tier_start UInt32 COMMENT 'the rates hold for calls with more input tokens than this, up to the next tier; 0: from the first',
    day_start UInt32 COMMENT 'second of the UTC day from which the rates hold, up to the next; 0 alone: all day',
    valid_from DateTime('UTC') COMMENT 'from when on, up to the next row',
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
    source_url String COMMENT 'where the book says it has the price from'
)
ENGINE = ReplacingMergeTree
-- The view rates joins one book_version by price_id.
ORDER BY (book_version, price_id, tier_start, day_start, valid_from)
SETTINGS non_replicated_deduplication_window = 1000
