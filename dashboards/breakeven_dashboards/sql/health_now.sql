-- Each collector as it last told of itself.
SELECT
    toString(s.collector) AS collector,
    max(s.at) AS told_at,
    toFloat64(dateDiff('second', told_at, now64(6, 'UTC'))) AS silent_seconds,
    argMax(s.lag_seconds, s.at) AS lag_seconds,
    toFloat64(argMax(s.journal_bytes, s.at)) / nullIf(toFloat64(argMax(s.journal_limit_bytes, s.at)), 0) AS journal_full,
    argMax(s.quarantined, s.at) AS quarantined,
    argMax(s.rejected, s.at) AS rejected,
    argMax(s.unkept, s.at) AS unkept,
    argMax(s.ship_errors, s.at) AS ship_errors,
    if(argMax(s.held_up, s.at), 'yes', 'no') AS held_up,
    argMax(s.version, s.at) AS version
FROM collector_health AS s
WHERE s.at >= $__fromTime AND s.at <= addMinutes($__toTime, 1)
GROUP BY collector
ORDER BY collector
