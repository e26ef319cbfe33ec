-- Where calls without a declared feature come from, with what they cost from one day up to another.
SELECT
    o.origin_id AS origin_id, o.environment AS environment, o.service AS service, o.provider AS provider, o.model AS model,
    o.provider_key AS provider_key, o.provider_project AS provider_project, o.route AS route, o.agent AS agent,
    o.workflow AS workflow, o.prompt AS prompt, o.first_seen AS first_seen, o.last_seen AS last_seen,
    c.inferred AS inferred, c.calls AS calls, c.cost_usd AS cost_usd, c.unpriced_calls AS unpriced_calls
FROM
(
    SELECT origin_id, environment, service, provider, model, provider_key, provider_project, route, agent, workflow, prompt,
        min(o.first_seen) AS first_seen, max(o.last_seen) AS last_seen
    FROM origins AS o
    WHERE (project = {project:String} OR {every_project:Bool})
    GROUP BY origin_id, environment, service, provider, model, provider_key, provider_project, route, agent, workflow, prompt
) AS o
INNER JOIN
(
    SELECT s.origin_id AS origin_id, max(s.recorded_feature) AS inferred, toInt64(round(sum(s.calls))) AS calls,
        sum(s.cost_usd) AS cost_usd, toInt64(round(sumIf(s.calls, s.unpriced_reason != ''))) AS unpriced_calls
    FROM spend AS s
    WHERE grain = 'day' AND (project = {project:String} OR {every_project:Bool}) AND origin_id != 0 AND counted IN ('yes', 'late')
        AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC')
    GROUP BY origin_id
    HAVING calls != 0
) AS c ON c.origin_id = o.origin_id
ORDER BY cost_usd DESC NULLS LAST, calls DESC, origin_id
