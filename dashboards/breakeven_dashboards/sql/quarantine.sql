-- Requests that lie in quarantine, because the store cannot take them.
SELECT $__timeInterval(s.at) AS time, toString(s.collector) AS collector, toFloat64(max(s.quarantined)) AS quarantined
FROM collector_health AS s
WHERE $__timeFilter(s.at)
GROUP BY time, collector
ORDER BY time, collector
