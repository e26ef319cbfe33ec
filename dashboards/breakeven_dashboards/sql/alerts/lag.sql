-- Seconds by which the bill is behind what was received: the last word of each collector that spoke in the last hour.
SELECT collector, toFloat64(argMax(lag_seconds, at)) AS lag_seconds
FROM collector_health
WHERE at >= now() - INTERVAL 1 HOUR
GROUP BY collector
ORDER BY collector
