-- The standard rates of the whole active book at the moment `now`.
SELECT * FROM price_book FINAL
WHERE book_version = (SELECT argMax(book_version, loaded_at) FROM price_books)
    AND price_context = '' AND tier_start = 0 AND day_start = 0 AND valid_from <= toDateTime({now:UInt32}, 'UTC')
ORDER BY provider, model, valid_from DESC
LIMIT 1 BY provider, model
