-- Calls whose dollars are not all known, by UTC day and why.
SELECT toStartOfDay(s.at, 'UTC') AS time, s.unpriced_reason AS reason, toFloat64(sum(s.calls)) AS calls
FROM spend AS s
WHERE s.grain = 'day' AND s.unpriced_reason != '' AND <days> AND <chosen>
GROUP BY time, reason
HAVING calls != 0
ORDER BY time, reason
