-- The first day on which a feature calls a model: what the calls themselves tell of a change in the application. What was
-- called on the first day of all is nothing new.
SELECT time, 'new model' AS title, concat(feature, ' calls ', model) AS text, 'model' AS tags
FROM
(
    SELECT *, min(time) OVER () AS began
    FROM
    (
        SELECT min(s.at) AS time, if(s.feature = '', '(unallocated)', s.feature) AS feature, toString(s.model) AS model
        FROM spend AS s
        WHERE s.grain = 'day' AND s.counted IN ('yes', 'late') AND s.model != '' AND s.calls > 0 AND s.at < <over>
            AND <chosen: project, environment, feature, model>
        GROUP BY feature, model
    )
)
WHERE time > began AND time >= toStartOfDay($__fromTime, 'UTC')
ORDER BY time, text
LIMIT 100
