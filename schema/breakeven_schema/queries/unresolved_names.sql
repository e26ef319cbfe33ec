-- Names that calls came with and that were not looked up in the given book yet.
SELECT s.provider AS provider, s.model AS model, s.price_context AS price_context
FROM (SELECT DISTINCT provider, model, price_context FROM models_seen) AS s
LEFT ANTI JOIN (SELECT provider, model, price_context FROM book_names FINAL WHERE book_version = {book_version:String}) AS n
    ON n.provider = s.provider AND n.model = s.model AND n.price_context = s.price_context
