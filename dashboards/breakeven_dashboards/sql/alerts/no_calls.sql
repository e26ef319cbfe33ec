-- Hours since the start of a project's newest call; a row for each project that had calls in the last 7 days.
SELECT project, dateDiff('second', max(ts), now()) / 3600 AS hours
FROM calls
WHERE ts >= now() - INTERVAL 7 DAY
GROUP BY project
ORDER BY project
