-- Cost of goods by month and feature or tenant, from `start` up to `to`. Only the ledger itself has tenant and environment
-- together, so by tenant `grain` is 'minute'.
SELECT
    toString({dimension:Identifier}) AS name,
    formatDateTime(at, '%Y-%m', {timezone:String}) AS month,
    sum(s.cost_usd) AS cost_usd,
    sum(s.estimated_usd) AS estimated_usd,
    sumIf(s.calls, s.unpriced_reason != '' AND s.estimated_usd IS NULL) AS unpriced_calls,
    min(s.at) AS first_at
FROM spend AS s
WHERE (project = {project:String} OR {every_project:Bool}) AND grain = {grain:String}
    AND at >= toDateTime({start:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC')
    AND counted IN ('yes', 'late') AND cost_class IN ('', 'cost_of_goods')
GROUP BY name, month
ORDER BY name, month
