-- Which features have the calls whose spans tell their provider's key: by the rules, or inferred.
SELECT o.provider_key AS provider_key, toString(s.feature) AS feature, toInt64(round(sum(s.calls))) AS calls
FROM
(
    SELECT DISTINCT project, origin_id, provider_key FROM origins
    WHERE (project = {project:String} OR {every_project:Bool}) AND provider_key IN {keys:Array(String)}
) AS o
INNER JOIN
(
    SELECT * FROM spend
    WHERE grain = 'day' AND counted IN ('yes', 'late') AND (project = {project:String} OR {every_project:Bool})
        AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC') AND feature != ''
) AS s ON s.project = o.project AND s.origin_id = o.origin_id
GROUP BY provider_key, feature
HAVING calls > 0
