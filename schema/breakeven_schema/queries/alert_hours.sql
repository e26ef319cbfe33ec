-- Hour by hour, from `from` up to `to`: what features and services took. One row a feature and one a service, with arrays
-- of the hours in which they had calls. Dollars are those that are known and those that are estimated.
SELECT
    kind, name, project,
    groupArray(hour) AS hours, groupArray(calls) AS calls, groupArray(usd) AS usd, groupArray(known_usd) AS known_usd
FROM
(
    SELECT
        if(grouping(feature) = 0, 'feature', 'service') AS kind,
        if(kind = 'feature', toString(feature), toString(service)) AS name, toString(s.project) AS project,
        toUInt32(toUnixTimestamp(toStartOfHour(at))) AS hour,
        toFloat64(sum(s.calls)) AS calls,
        toFloat64(ifNull(sum(s.cost_usd), 0)) AS known_usd,
        known_usd + toFloat64(ifNull(sum(s.estimated_usd), 0)) AS usd
    FROM spend AS s
    WHERE (project = {project:String} OR {every_project:Bool}) AND counted IN ('yes', 'late')
        AND grain = 'quarter_hour' AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC')
    GROUP BY GROUPING SETS ((project, feature, hour), (project, service, hour))
    HAVING calls != 0 OR usd != 0
)
GROUP BY kind, name, project
ORDER BY kind, project, name
