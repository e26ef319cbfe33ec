-- What providers billed and what calls tell of, by UTC day. Days without a bill have none: not 0.
SELECT toStartOfDay(toDateTime(s.day, 'UTC'), 'UTC') AS time, sum(s.billed_usd) AS billed_usd, sum(s.seen_usd) AS seen_usd
FROM tieout_daily AS s
WHERE <utc_days> AND <chosen: project>
GROUP BY time
ORDER BY time
