-- How many rows each of the minutes holds.
SELECT toUnixTimestamp(toStartOfMinute(ts)) AS minute, count() AS calls
FROM calls
WHERE project IN {projects:Array(String)}
    AND toStartOfMinute(ts) IN (SELECT toDateTime(arrayJoin(arrayFlatten(arrayMap(r -> range(r.1, r.1 + 60 * r.2, 60), {runs:Array(Tuple(UInt32, UInt32))}))), 'UTC'))
GROUP BY minute
ORDER BY minute
