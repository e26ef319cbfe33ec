-- Names that only providers' accounts have, which no work list holds yet.
SELECT b.provider AS provider, b.model AS model, b.price_context AS price_context,
    min(b.from_time) AS first_seen, max(b.from_time) AS last_seen
FROM (SELECT * FROM billed_now WHERE model != '' AND quantity IS NOT NULL) AS b
LEFT ANTI JOIN (SELECT DISTINCT provider, model, price_context FROM models_seen) AS m
    ON m.provider = b.provider AND m.model = b.model AND m.price_context = b.price_context
GROUP BY provider, model, price_context
