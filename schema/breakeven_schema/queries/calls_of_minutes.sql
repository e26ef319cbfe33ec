-- How many rows each of the minutes holds.
SELECT toUnixTimestamp(toStartOfMinute(ts)) AS minute, count() AS calls
FROM {calls:Identifier}
WHERE project IN {projects:Array(String)}
    AND toStartOfMinute(ts) >= toDateTime({from:UInt32}, 'UTC') AND toStartOfMinute(ts) < toDateTime({to:UInt32}, 'UTC')
GROUP BY minute
ORDER BY minute
