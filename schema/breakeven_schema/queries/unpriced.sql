-- What has no dollars, and why; and what it is estimated at.
SELECT unpriced_reason AS reason, provider, model, meter, sum(s.calls) AS calls, sum(s.quantity) AS quantity, sum(s.estimated_usd) AS estimated_usd
FROM spend AS s
WHERE (project = {project:String} OR {every_project:Bool}) AND grain = {grain:String} AND at >= toDateTime({start:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC')
    AND counted IN ('yes', 'late') AND unpriced_reason != ''
GROUP BY reason, provider, model, meter
HAVING calls != 0 OR quantity != 0
ORDER BY calls DESC, quantity DESC, provider, model, meter
