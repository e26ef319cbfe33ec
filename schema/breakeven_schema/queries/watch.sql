-- What the collector tells of itself about its calls: those of yesterday and today (UTC) in all projects, and of those the
-- ones whose dollars are not all known, by why.
SELECT unpriced_reason AS reason, sum(s.calls) AS calls
FROM spend AS s
WHERE grain = 'day' AND at >= toStartOfDay(toDateTime({now:UInt32}, 'UTC')) - INTERVAL 1 DAY
    AND counted = 'yes'
GROUP BY reason
HAVING calls != 0
ORDER BY reason
