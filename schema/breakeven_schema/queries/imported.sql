-- Calls imported from other tools, by tool, provider and model: what they cost by our prices, from the ledger, where their
-- service begins with `prefix`; and what the tool said, which stands only with the single calls.
-- The two are compared by day and kind of call, where both are known for all calls of the kind: compared_calls says for
-- how many.
SELECT
    g.source AS source, g.provider AS provider, g.model AS model,
    sum(g.calls) AS calls, sum(g.counted_calls) AS counted_calls, sum(g.duplicate_calls) AS duplicate_calls,
    sum(g.late_calls) AS late_calls, sum(g.unpriced_calls) AS unpriced_calls,
    sum(g.cost_usd) AS cost_usd, sum(g.counted_usd) AS counted_usd, sum(g.their_cost_usd) AS their_cost_usd,
    sum(g.without_their_cost) AS without_their_cost,
    sumIf(g.calls, g.both_known) AS compared_calls,
    if(compared_calls = 0, NULL, sumIf(g.cost_usd - g.their_cost_usd, g.both_known)) AS difference_usd,
    min(g.day) AS first_day, max(g.day) AS last_day
FROM
(
    SELECT
        key.1 AS source, key.2 AS provider, key.3 AS model, key.7 AS day,
        toInt64(round(sum(t.calls))) AS calls,
        toInt64(round(sumIf(t.calls, t.counted IN ('yes', 'late')))) AS counted_calls,
        toInt64(round(sumIf(t.calls, t.counted NOT IN ('yes', 'late')))) AS duplicate_calls,
        toInt64(round(sumIf(t.calls, startsWith(t.counted, 'late')))) AS late_calls,
        toInt64(round(sumIf(t.calls, t.unpriced_reason != ''))) AS unpriced_calls,
        sum(t.cost_usd) AS cost_usd,
        sumIf(t.cost_usd, t.counted IN ('yes', 'late')) AS counted_usd,
        sum(t.their_cost_usd) AS their_cost_usd,
        sum(t.without_their_cost) AS without_their_cost,
        -- Calls whose rows are deleted stand in the ledger only; a meter may lack a rate where the call does not.
        calls > 0 AND sum(t.their_calls) = calls AND sum(abs(t.unpriced)) = 0
            AND cost_usd IS NOT NULL AND their_cost_usd IS NOT NULL AS both_known
    FROM
    (
        SELECT
            tuple(substring(s.service, length({prefix:String}) + 1), toString(s.provider), toString(s.model), toString(s.project),
                toString(s.price_context), toString(s.basis), s.at) AS key,
            toString(s.counted) AS counted, s.calls AS calls, s.unpriced_reason AS unpriced_reason,
            if(s.unpriced_reason = '', 0, s.calls + s.quantity) AS unpriced, s.cost_usd AS cost_usd,
            CAST(NULL AS Nullable(Decimal(38, 15))) AS their_cost_usd, 0 AS their_calls, 0 AS without_their_cost
        FROM spend AS s
        WHERE s.grain = 'day' AND startsWith(s.service, {prefix:String}) AND (s.project = {project:String} OR {every_project:Bool})
        UNION ALL
        SELECT
            tuple(toString(c.source), toString(c.provider), toString(c.model), toString(c.project),
                toString(c.price_context), toString(c.basis), toDateTime(toStartOfDay(c.ts), 'UTC')) AS key,
            'yes', 0, '', 0, NULL, c.their_cost_usd, toUInt8(c.their_cost_usd IS NOT NULL), toUInt8(c.their_cost_usd IS NULL)
        FROM
        (
            SELECT project, source, provider, model, price_context, basis, their_cost_usd, ts FROM calls FINAL WHERE source != ''
            UNION ALL
            SELECT project, source, provider, model, price_context, basis, their_cost_usd, ts FROM late_spans FINAL WHERE source != '' AND is_call
        ) AS c
        WHERE c.project = {project:String} OR {every_project:Bool}
    ) AS t
    GROUP BY key
) AS g
GROUP BY source, provider, model
HAVING calls != 0 OR their_cost_usd IS NOT NULL
ORDER BY source, cost_usd DESC NULLS LAST, calls DESC, provider, model
