-- What a name on a span means in each of the books: as model_names, which holds the active one's. The view rates_of
-- prices names with any book by this table.
CREATE TABLE IF NOT EXISTS book_names
(
    book_version String COMMENT 'book that was asked',
    provider LowCardinality(String) COMMENT 'as the span names it',
    model LowCardinality(String) COMMENT 'as the span names it',
    price_context LowCardinality(String) COMMENT 'as in calls',
    name_id UInt64 DEFAULT sipHash64(provider, model, price_context) COMMENT 'key of the ledger',
    book_provider LowCardinality(String) COMMENT 'id in the book',
    book_model LowCardinality(String) COMMENT 'id in the book',
    book_context LowCardinality(String) COMMENT 'the part of price_context that makes a difference to the price',
    price_id UInt64 DEFAULT if(book_model = '', 0, sipHash64(book_provider, book_model, book_context)) COMMENT 'key into price_book; 0: the book does not know the name',
    tier_starts Array(UInt32) COMMENT 'edges of the long-context prices, without 0',
    day_starts Array(UInt32) COMMENT 'seconds of the day at which prices change, without 0',
    reason String COMMENT 'why there is no price, where there is none',
    resolved_at DateTime64(6, 'UTC') COMMENT 'when'
)
ENGINE = ReplacingMergeTree(resolved_at)
-- Small; joined whole, a book at a time.
ORDER BY (book_version, provider, model, price_context)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
