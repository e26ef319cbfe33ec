-- What the active book asks at the moment `now` for models by their name in the book: standard rates of short inputs, by
-- day, of every provider that has the model.
SELECT model, provider, uncached_usd_per_token, cache_read_usd_per_token, answer_usd_per_token
FROM
(
    SELECT * FROM price_book FINAL
    WHERE book_version = (SELECT argMax(book_version, loaded_at) FROM price_books)
        AND price_context = '' AND tier_start = 0 AND day_start = 0
        AND valid_from <= toDateTime({now:UInt32}, 'UTC') AND model IN {models:Array(String)}
    ORDER BY valid_from DESC
    LIMIT 1 BY provider, model
)
WHERE uncached_usd_per_token IS NOT NULL AND answer_usd_per_token IS NOT NULL
ORDER BY model, uncached_usd_per_token, provider
