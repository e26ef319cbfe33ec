-- Names that the job has not looked up in the given book yet.
SELECT s.provider, s.model, s.price_context
FROM (SELECT DISTINCT provider, model, price_context FROM models_seen) AS s
LEFT ANTI JOIN (SELECT provider, model, price_context FROM model_names FINAL WHERE book_version = {book_version:String}) AS n
    ON n.provider = s.provider AND n.model = s.model AND n.price_context = s.price_context
