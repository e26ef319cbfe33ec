-- The minutes that segments brought calls for.
SELECT DISTINCT project, toUnixTimestamp(slice) AS minute
FROM segment_slices
WHERE segment IN {segments:Array(String)}
ORDER BY minute, project
