-- What people decided.
SELECT s.decided_at AS time, concat('decided: ', toString(s.decision)) AS title,
    concat(toString(s.feature), if(s.note = '', '', ': '), s.note) AS text, 'decision' AS tags
FROM decisions AS s
WHERE $__timeFilter(s.decided_at) AND <judged>
ORDER BY time, text
LIMIT 100
