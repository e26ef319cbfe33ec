-- How long the calls of each feature take: 95 in 100 no longer, seconds. From the calls that are kept, retries left out.
-- Duplicates are not taken out: a call that two instrumentations saw has the same length twice.
SELECT arrayJoin(names) AS feature, quantileTDigest(0.95)(duration_us / 1e6) AS p95_seconds
FROM
(
    SELECT r.duration_us AS duration_us,
        if(empty(w.parts), [toString(r.feature)], arrayMap(p -> p.1, w.parts)) AS names
    FROM
    (
        SELECT project, feature, feature_source, origin_id, environment, duration_us, toStartOfDay(ts) AS priced_at
        FROM calls
        WHERE (project = {project:String} OR {every_project:Bool}) AND NOT retry
            AND toStartOfMinute(ts) >= toDateTime({start:UInt32}, 'UTC') AND toStartOfMinute(ts) < toDateTime({to:UInt32}, 'UTC')
    ) AS r
    ASOF LEFT JOIN attributions_now AS w
        ON w.project = r.project AND w.feature = r.feature AND w.feature_source = r.feature_source
        AND w.origin_id = r.origin_id AND w.environment = r.environment AND r.priced_at >= w.valid_from
)
GROUP BY feature
