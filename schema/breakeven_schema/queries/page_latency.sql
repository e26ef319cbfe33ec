-- How long the calls of a feature take, and how they fail, from the calls that are kept. Duplicates are not taken out: a
-- call that two instrumentations saw has the same length twice.
SELECT
    model, count() AS calls, quantilesTDigest(0.5, 0.95)(duration_us / 1e6) AS seconds,
    countIf(failed) AS failed_calls, topKIf(3)(error_type, failed AND error_type != '') AS errors
FROM
(
    SELECT r.model AS model, r.duration_us AS duration_us, r.failed AS failed, r.error_type AS error_type,
        if(empty(w.parts), [toString(r.feature)], arrayMap(p -> p.1, w.parts)) AS names
    FROM
    (
        SELECT project, feature, feature_source, origin_id, environment, model, duration_us, failed, error_type,
            toStartOfDay(ts) AS priced_at
        FROM calls
        WHERE (project = {project:String} OR {every_project:Bool})
            AND toStartOfMinute(ts) >= toDateTime({start:UInt32}, 'UTC') AND toStartOfMinute(ts) < toDateTime({to:UInt32}, 'UTC')
            AND ({environment:String} = '' OR environment = {environment:String})
            AND ({service:String} = '' OR service = {service:String})
            AND ({provider:String} = '' OR provider = {provider:String})
            AND ({model:String} = '' OR model = {model:String})
    ) AS r
    ASOF LEFT JOIN attributions_now AS w
        ON w.project = r.project AND w.feature = r.feature AND w.feature_source = r.feature_source
        AND w.origin_id = r.origin_id AND w.environment = r.environment AND r.priced_at >= w.valid_from
)
WHERE has(names, {feature:String})
GROUP BY model
ORDER BY calls DESC, model
