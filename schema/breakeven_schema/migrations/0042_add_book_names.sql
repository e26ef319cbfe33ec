-- What early versions looked up, so that a bill has its prices before a collector has run.
INSERT INTO book_names (book_version, provider, model, price_context, book_provider, book_model, book_context, tier_starts, day_starts, reason, resolved_at)
SELECT book_version, provider, model, price_context, book_provider, book_model, book_context, tier_starts, day_starts, reason, resolved_at
FROM model_names FINAL
