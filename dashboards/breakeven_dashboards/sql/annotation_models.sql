-- The first day on which a feature calls a model: what the calls themselves tell of a change in the application.
SELECT min(s.at) AS time, 'new model' AS title,
    concat(if(s.feature = '', '(unallocated)', s.feature), ' calls ', toString(s.model)) AS text, 'model' AS tags
FROM spend AS s
WHERE s.grain = 'day' AND s.counted IN ('yes', 'late') AND s.model != '' AND s.calls > 0 AND s.at <= $__toTime AND <chosen>
GROUP BY text
HAVING time >= $__fromTime AND time > (SELECT min(f.at) FROM spend AS f WHERE f.grain = 'day' AND f.counted IN ('yes', 'late'))
ORDER BY time, text
LIMIT 100
