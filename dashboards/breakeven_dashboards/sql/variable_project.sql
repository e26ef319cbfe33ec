-- Projects.
SELECT DISTINCT replaceAll(toString(s.project), '\\', '\\\\') AS value, toString(s.project) AS text
FROM spend AS s
WHERE s.grain = 'day' AND s.counted IN ('yes', 'late') AND <range>
ORDER BY text
LIMIT 1000
