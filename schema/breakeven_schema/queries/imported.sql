-- Calls imported from other tools, by tool, provider and model: what they cost by our prices, from the ledger, where their
-- service begins with `prefix`; and what the tool said, which stands only with the single calls.
SELECT
    key.1 AS source, key.2 AS provider, key.3 AS model,
    toInt64(round(sum(t.calls))) AS calls,
    toInt64(round(sumIf(t.calls, t.counted IN ('yes', 'late')))) AS counted_calls,
    toInt64(round(sumIf(t.calls, t.counted NOT IN ('yes', 'late')))) AS duplicate_calls,
    toInt64(round(sumIf(t.calls, startsWith(t.counted, 'late')))) AS late_calls,
    toInt64(round(sumIf(t.calls, t.unpriced_reason != ''))) AS unpriced_calls,
    sum(t.cost_usd) AS cost_usd,
    sumIf(t.cost_usd, t.counted IN ('yes', 'late')) AS counted_usd,
    sum(t.their_cost_usd) AS their_cost_usd,
    sum(t.without_their_cost) AS without_their_cost,
    min(t.at) AS first_day, max(t.at) AS last_day
FROM
(
    SELECT tuple(substring(s.service, length({prefix:String}) + 1), toString(s.provider), toString(s.model)) AS key,
        toString(s.counted) AS counted, s.calls AS calls, s.unpriced_reason AS unpriced_reason, s.cost_usd AS cost_usd,
        CAST(NULL AS Nullable(Decimal(38, 15))) AS their_cost_usd, 0 AS without_their_cost, s.at AS at
    FROM spend AS s
    WHERE s.grain = 'day' AND startsWith(s.service, {prefix:String}) AND (s.project = {project:String} OR {every_project:Bool})
    UNION ALL
    SELECT tuple(toString(c.source), toString(c.provider), toString(c.model)), 'yes', 0, '', NULL, c.their_cost_usd, toUInt8(c.their_cost_usd IS NULL),
        toDateTime(toStartOfDay(c.ts), 'UTC')
    FROM
    (
        SELECT project, source, provider, model, their_cost_usd, ts FROM calls FINAL WHERE source != ''
        UNION ALL
        SELECT project, source, provider, model, their_cost_usd, ts FROM late_spans FINAL WHERE source != '' AND is_call
    ) AS c
    WHERE c.project = {project:String} OR {every_project:Bool}
) AS t
GROUP BY key
HAVING calls != 0 OR their_cost_usd IS NOT NULL
ORDER BY source, cost_usd DESC NULLS LAST, calls DESC, provider, model
