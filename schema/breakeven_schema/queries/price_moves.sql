-- What the same calls of a feature since `from` cost by two price books, by model. Only models that both have: a book
-- that does not know a model moves no price.
SELECT model, sum(before_cost) AS before_usd, sum(now_cost) AS now_usd
FROM
(
    SELECT toString(model) AS model, cost_usd AS before_cost, NULL AS now_cost, at
    FROM spend_of(book={before:String})
    WHERE grain = 'day' AND at >= toDateTime({from:UInt32}, 'UTC') AND counted IN ('yes', 'late') AND basis = 'usage'
        AND feature = {feature:String} AND (project = {project:String} OR {every_project:Bool})
    UNION ALL
    SELECT toString(model) AS model, NULL AS before_cost, cost_usd AS now_cost, at
    FROM spend_of(book={now:String})
    WHERE grain = 'day' AND at >= toDateTime({from:UInt32}, 'UTC') AND counted IN ('yes', 'late') AND basis = 'usage'
        AND feature = {feature:String} AND (project = {project:String} OR {every_project:Bool})
)
GROUP BY model
ORDER BY model
