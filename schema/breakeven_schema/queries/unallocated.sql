-- The services whose calls no feature pays for, dearest first.
SELECT service, sum(s.calls) AS calls, sum(s.cost_usd) AS cost_usd, sum(s.estimated_usd) AS estimated_usd
FROM spend AS s
WHERE (project = {project:String} OR {every_project:Bool}) AND grain = {grain:String} AND at >= toDateTime({start:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC')
    AND counted IN ('yes', 'late') AND feature_source NOT IN ('declared', 'mapped')
GROUP BY service
HAVING calls != 0
ORDER BY ifNull(cost_usd, 0) + ifNull(estimated_usd, 0) DESC, calls DESC, service
LIMIT 5
