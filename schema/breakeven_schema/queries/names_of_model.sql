-- Names that calls came with and that are this one, or mean this model of the active book.
SELECT n.provider AS provider, n.model AS model, n.price_context AS price_context, n.book_provider AS book_provider,
    n.book_model AS book_model, n.book_context AS book_context, n.reason AS reason,
    s.first_seen AS first_seen, s.last_seen AS last_seen
FROM (SELECT * FROM model_names FINAL) AS n
INNER JOIN
(
    SELECT provider, model, price_context, min(first_seen) AS first_seen, max(last_seen) AS last_seen
    FROM models_seen GROUP BY provider, model, price_context
) AS s ON s.provider = n.provider AND s.model = n.model AND s.price_context = n.price_context
WHERE {model:String} IN (n.model, n.book_model) AND {provider:String} IN ('', n.provider, n.book_provider)
ORDER BY provider, model, price_context
