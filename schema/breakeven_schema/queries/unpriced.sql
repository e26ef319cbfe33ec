-- What has no dollars, and why.
SELECT unpriced_reason AS reason, provider, model, meter, sum(s.calls) AS calls, sum(s.quantity) AS quantity
FROM spend AS s
WHERE project = {project:String} AND grain = 'day' AND at >= toDateTime({from:UInt32}, 'UTC') AND counted = 'yes' AND unpriced_reason != ''
GROUP BY reason, provider, model, meter
HAVING calls != 0 OR quantity != 0
ORDER BY calls DESC, quantity DESC, provider, model, meter
