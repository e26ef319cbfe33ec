-- Ways in which rows of the ledger are named that this version of the declarations was not asked about yet, each with its
-- origin. Cubes by tenant and user have no environment: each is asked for without one, too.
SELECT c.project AS project, c.feature AS feature, c.feature_source AS feature_source, c.origin_id AS origin_id,
    c.environment AS environment, o.known AS known, o.environment AS origin_environment, o.service AS service,
    o.provider AS provider, o.model AS model, o.provider_key AS provider_key, o.provider_project AS provider_project,
    o.route AS route, o.agent AS agent, o.workflow AS workflow, o.prompt AS prompt
FROM
(
    SELECT DISTINCT project, feature, feature_source, origin_id, arrayJoin([environment, '']) AS environment
    FROM (SELECT DISTINCT project, feature, feature_source, origin_id, environment FROM spend_cubes WHERE grain = 'day')
) AS c
LEFT ANTI JOIN
(
    SELECT project, feature, feature_source, origin_id, environment
    FROM attributions
    WHERE version = {version:String}
) AS a
    ON a.project = c.project AND a.feature = c.feature AND a.feature_source = c.feature_source
    AND a.origin_id = c.origin_id AND a.environment = c.environment
LEFT ANY JOIN (SELECT true AS known, * FROM origins) AS o ON o.project = c.project AND o.origin_id = c.origin_id
