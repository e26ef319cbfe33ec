-- All dated rates of some models of the active book: those that are named, and whichever has this id.
SELECT * FROM price_book FINAL
WHERE book_version = (SELECT argMax(book_version, loaded_at) FROM price_books)
    AND ((provider, model) IN {models:Array(Tuple(String, String))}
        OR (model = {model:String} AND {provider:String} IN ('', provider)))
ORDER BY provider, model, price_context, tier_start, day_start, valid_from
