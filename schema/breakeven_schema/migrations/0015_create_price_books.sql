-- The books of prices that were loaded. The one loaded last prices everything that is read.
CREATE TABLE IF NOT EXISTS price_books
(
    book_version String COMMENT 'source, its version and the digest of its content',
    loaded_at DateTime64(6, 'UTC') COMMENT 'when it was loaded',
    models UInt32 COMMENT 'models in it'
)
ENGINE = ReplacingMergeTree(loaded_at)
-- A row a book.
ORDER BY book_version
SETTINGS non_replicated_deduplication_window = 1000
