-- Of input tokens: read from the cache. Of calls: failed. By UTC day.
SELECT
    toStartOfDay(s.at, 'UTC') AS time,
    toFloat64(sum(s.cache_read_tokens)) / nullIf(toFloat64(sum(s.input_tokens)), 0) AS cached_share,
    toFloat64(sum(s.failed_calls)) / nullIf(toFloat64(sum(s.calls)), 0) AS failed_share
FROM spend AS s
WHERE s.grain = <grain> AND <days> AND <chosen>
GROUP BY time
ORDER BY time
