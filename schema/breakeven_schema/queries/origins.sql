-- Where calls without a declared feature come from, with what they cost from one day up to another.
-- A row of spend is a row of the cube with its dollars, but it does not tell the origin: they meet in all that the dollars
-- are made of. Once spend has origin_id, the inner join goes and spend alone is read.
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
    WHERE project = {project:String}
    GROUP BY origin_id, environment, service, provider, model, provider_key, provider_project, route, agent, workflow, prompt
) AS o
INNER JOIN
(
    SELECT c.origin_id AS origin_id, max(c.feature) AS inferred, sum(c.calls) AS calls, sum(s.cost_usd) AS cost_usd,
        sumIf(c.calls, s.unpriced_reason != '') AS unpriced_calls
    FROM
    (
        SELECT * FROM spend_cubes
        WHERE grain = 'day' AND project = {project:String} AND origin_id != 0 AND counted = 'yes'
            AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC')
    ) AS c
    LEFT ANY JOIN
    (
        SELECT * FROM spend
        WHERE grain = 'day' AND project = {project:String} AND counted = 'yes'
            AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC')
    ) AS s
        ON s.priced_at = c.priced_at AND s.name_id = c.name_id AND s.tier_start = c.tier_start AND s.basis = c.basis
        AND s.meter = c.meter AND s.calls = c.calls AND s.uncached_tokens = c.uncached_tokens
        AND s.cache_read_tokens = c.cache_read_tokens AND s.cache_write_5m_tokens = c.cache_write_5m_tokens
        AND s.cache_write_1h_tokens = c.cache_write_1h_tokens AND s.audio_input_tokens = c.audio_input_tokens
        AND s.image_input_tokens = c.image_input_tokens AND s.answer_tokens = c.answer_tokens
        AND s.reasoning_tokens = c.reasoning_tokens AND s.audio_output_tokens = c.audio_output_tokens
        AND s.image_output_tokens = c.image_output_tokens AND s.quantity = c.quantity
        AND s.reported_cost_usd = c.reported_cost_usd
    GROUP BY origin_id
    HAVING calls != 0
) AS c ON c.origin_id = o.origin_id
ORDER BY cost_usd DESC NULLS LAST, calls DESC, origin_id
