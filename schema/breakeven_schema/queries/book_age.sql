-- The active price book, and the latest day that it gives a price.
SELECT book_version, newest_price FROM price_books FINAL ORDER BY loaded_at DESC, book_version DESC LIMIT 1
