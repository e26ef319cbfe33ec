CREATE MATERIALIZED VIEW IF NOT EXISTS models_seen_of_spans TO models_seen AS
SELECT provider, model, price_context, min(toDateTime(ts, 'UTC')) AS first_seen, max(toDateTime(ts, 'UTC')) AS last_seen
FROM spans
WHERE is_call
GROUP BY provider, model, price_context
