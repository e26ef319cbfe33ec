-- By UTC day: of calls, those with all their dollars and those of a declared or mapped feature; of dollars, the estimated
-- ones.
SELECT
    toStartOfDay(s.at, 'UTC') AS time,
    toFloat64(sumIf(s.calls, s.unpriced_reason = '')) / nullIf(toFloat64(sum(s.calls)), 0) AS priced_calls,
    toFloat64(sumIf(s.calls, s.feature_source IN ('declared', 'mapped'))) / nullIf(toFloat64(sum(s.calls)), 0) AS allocated_calls,
    ifNull(toFloat64(sum(s.estimated_usd)), 0)
        / nullIf(ifNull(toFloat64(sum(s.cost_usd)), 0) + ifNull(toFloat64(sum(s.estimated_usd)), 0), 0) AS estimated_dollars
FROM spend AS s
WHERE s.grain = 'day' AND <days> AND <chosen>
GROUP BY time
ORDER BY time
