-- The rates of the active price book, without own contracts. Version 1: columns are added, never changed or removed
-- (docs/export.md).
CREATE OR REPLACE VIEW v1_prices AS
SELECT
    book_version, provider, model, price_context, tier_start, day_start, valid_from,
    uncached_usd_per_token, cache_read_usd_per_token, cache_write_5m_usd_per_token, cache_write_1h_usd_per_token,
    audio_input_usd_per_token, image_input_usd_per_token, answer_usd_per_token, reasoning_usd_per_token,
    audio_output_usd_per_token, image_output_usd_per_token, request_usd, meter_usd
FROM price_book FINAL
WHERE book_version = (SELECT argMax(book_version, loaded_at) FROM price_books)
