-- What waits in the journal: the most within each interval.
SELECT $__timeInterval(s.at) AS time, toString(s.collector) AS collector, toFloat64(max(s.journal_bytes)) AS journal_bytes
FROM collector_health AS s
WHERE $__timeFilter(s.at)
GROUP BY time, collector
ORDER BY time, collector
