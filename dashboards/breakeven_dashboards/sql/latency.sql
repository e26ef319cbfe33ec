-- How long calls take, in seconds, from the calls that are kept. A call that two instrumentations saw has its length twice.
SELECT
    $__timeInterval(s.ts) AS time,
    quantileTDigest(0.5)(s.duration_us / 1e6) AS p50_seconds,
    quantileTDigest(0.95)(s.duration_us / 1e6) AS p95_seconds
FROM calls_by_feature AS s
WHERE $__timeFilter(s.ts) AND <chosen>
GROUP BY time
ORDER BY time
