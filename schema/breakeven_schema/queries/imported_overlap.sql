-- By day and provider what was imported, and what spans told, whose source is empty: where both are, a call that has no id
-- in common with its span is in the bill twice.
SELECT
    s.project AS project, s.at AS at,
    if(startsWith(s.service, {prefix:String}), substring(s.service, length({prefix:String}) + 1), '') AS source,
    toString(s.provider) AS provider,
    toInt64(round(sum(s.calls))) AS calls, sum(s.cost_usd) AS cost_usd
FROM spend AS s
WHERE s.grain = 'day' AND s.counted IN ('yes', 'late') AND (s.project = {project:String} OR {every_project:Bool})
    AND (s.project, s.at) IN (
        SELECT DISTINCT project, at FROM spend_cubes
        WHERE grain = 'day' AND startsWith(service, {prefix:String}) AND (project = {project:String} OR {every_project:Bool}))
GROUP BY project, at, source, provider
