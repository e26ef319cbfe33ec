-- Ways in which rows of the ledger are named that this version of the declarations was not asked about yet. Cubes by
-- tenant and user have no environment: each is asked for without one, too.
-- Given segments, it looks only at the days that they brought calls for, and the days beside them: a pass over these may
-- have changed calls a few minutes away. Without them it looks at the keys of the providers' accounts, too.
SELECT c.project AS project, c.feature AS feature, c.feature_source AS feature_source, c.origin_id AS origin_id,
    c.environment AS environment
FROM
(
    SELECT DISTINCT project, feature, feature_source, origin_id, arrayJoin([environment, '']) AS environment
    FROM
    (
        SELECT DISTINCT project, feature, feature_source, origin_id, environment
        FROM spend_cubes
        WHERE grain = 'day'
            AND (empty({segments:Array(String)}) OR at IN
            (
                SELECT DISTINCT arrayJoin([day - INTERVAL 1 DAY, day, day + INTERVAL 1 DAY])
                FROM (SELECT toStartOfDay(slice) AS day FROM segment_slices WHERE segment IN {segments:Array(String)})
            ))
        UNION ALL
        SELECT DISTINCT project, '' AS feature, '' AS feature_source,
            sipHash64('', '', provider, model, if(key_name != '', key_name, key_id), provider_project, '', '', '', '') AS origin_id,
            '' AS environment
        FROM billed_now
        WHERE empty({segments:Array(String)}) AND report IN ('usage', 'focus')
    )
) AS c
LEFT ANTI JOIN
(
    SELECT project, feature, feature_source, origin_id, environment
    FROM attributions
    WHERE version = {version:String}
) AS a
    ON a.project = c.project AND a.feature = c.feature AND a.feature_source = c.feature_source
    AND a.origin_id = c.origin_id AND a.environment = c.environment
