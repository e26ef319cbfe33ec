-- Days from `from` up to `to` on which a price of a model that was seen begins, in the active book or as an own rate, or an
-- own rate ends.
SELECT DISTINCT toString(n.model) AS model, toDate(c.at) AS day
FROM (SELECT model, name_id FROM model_names FINAL) AS n
INNER JOIN
(
    SELECT name_id, valid_from AS at FROM rates_of(book='')
    UNION ALL
    SELECT name_id, arrayJoin([valid_from, valid_to]) AS at
    FROM override_rates
    -- The cost of own machines is spread over each day anew: no price that was announced.
    WHERE NOT amortised AND (project IN ('', {project:String}) OR {every_project:Bool})
) AS c ON c.name_id = n.name_id
WHERE c.at >= toDateTime({from:UInt32}, 'UTC') AND c.at < toDateTime({to:UInt32}, 'UTC')
ORDER BY day, model
