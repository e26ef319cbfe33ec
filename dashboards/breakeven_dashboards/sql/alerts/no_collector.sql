-- Seconds since any collector wrote its minute; no row where none wrote in the last 7 days.
SELECT toFloat64(dateDiff('second', max(at), now())) AS silent_seconds
FROM collector_health
WHERE at >= now() - INTERVAL 7 DAY
HAVING count() > 0
