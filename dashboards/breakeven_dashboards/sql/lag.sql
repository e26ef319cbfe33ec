-- Age of the oldest acknowledged request that is not in the ledger: the most within each interval.
SELECT $__timeInterval(s.at) AS time, toString(s.collector) AS collector, max(s.lag_seconds) AS lag_seconds
FROM collector_health AS s
WHERE $__timeFilter(s.at)
GROUP BY time, collector
ORDER BY time, collector
