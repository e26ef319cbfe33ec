-- Names that calls of a project, or of all, came with and that are this one, or mean this model of the active book.
SELECT n.provider AS provider, n.model AS model, n.price_context AS price_context, n.book_provider AS book_provider,
    n.book_model AS book_model, n.book_context AS book_context, n.reason AS reason,
    s.first_seen AS first_seen, s.last_seen AS last_seen
FROM (SELECT * FROM model_names FINAL) AS n
INNER JOIN
(
    -- Not models_seen, which does not tell projects apart.
    SELECT provider, model, price_context, min(at) AS first_seen, max(at) AS last_seen
    FROM spend_cubes
    WHERE grain = 'day' AND (project = {project:String} OR {every_project:Bool})
    GROUP BY provider, model, price_context
) AS s ON s.provider = n.provider AND s.model = n.model AND s.price_context = n.price_context
WHERE {model:String} IN (n.model, n.book_model) AND {provider:String} IN ('', n.provider, n.book_provider)
ORDER BY provider, model, price_context
