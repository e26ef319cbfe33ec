-- Names that the given book prices otherwise by size or time of day than the ledger is cut: their dollars by that book
-- are those at the ledger's own edges. Only names that calls of the project came with, or of any.
SELECT
    b.provider AS provider, b.model AS model, b.price_context AS price_context,
    arraySort(arrayFilter(edge -> NOT has(l.tier_starts, edge), b.tier_starts)) AS uncut_tier_starts,
    arraySort(arrayFilter(edge -> NOT has(l.day_starts, edge), b.day_starts)) AS uncut_day_starts
FROM (SELECT * FROM book_names FINAL WHERE book_version = {book:String} AND price_id != 0) AS b
INNER JOIN model_names AS l FINAL
    ON l.provider = b.provider AND l.model = b.model AND l.price_context = b.price_context
WHERE (NOT empty(uncut_tier_starts) OR NOT empty(uncut_day_starts))
    AND ({every_project:Bool} OR b.name_id IN (SELECT name_id FROM spend_cubes WHERE grain = 'day' AND project = {project:String}))
ORDER BY provider, model, price_context
