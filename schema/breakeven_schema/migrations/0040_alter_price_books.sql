ALTER TABLE price_books
    MODIFY COLUMN loaded_at DateTime64(6, 'UTC') COMMENT 'when it was loaded, or made the active one again; the book with the latest time is the active one',
    ADD COLUMN IF NOT EXISTS document String CODEC(ZSTD(6)) COMMENT 'the whole book as JSON, in genai-prices'' format: names are looked up in it; empty in books that were loaded by early versions',
    ADD COLUMN IF NOT EXISTS newest_price Nullable(Date) COMMENT 'latest date up to its loading that it gives a price; NULL: it gives none'
