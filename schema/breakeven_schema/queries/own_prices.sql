-- Own prices that hold at some time between two days, by the names that the comparison of bill and calls has.
SELECT DISTINCT o.project AS project, toString(n.provider) AS provider,
    if(n.book_model != '', n.book_model, n.model) AS model, toDate(o.valid_from) AS first, toDate(o.valid_to) AS after,
    o.book_factor AS factor, o.amortised AS amortised
FROM (SELECT * FROM override_rates
    WHERE (project IN ('', {project:String}) OR {every_project:Bool})
        AND valid_from < toDateTime({to:UInt32}, 'UTC') AND valid_to > toDateTime({from:UInt32}, 'UTC')) AS o
INNER JOIN (SELECT * FROM model_names FINAL WHERE price_context = '') AS n ON n.name_id = o.name_id
ORDER BY first
