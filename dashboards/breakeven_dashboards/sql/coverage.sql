-- How much of the period the figures cover, each as a share of calls or of dollars.
SELECT
    priced / nullIf(calls, 0) AS priced_calls,
    with_usage / nullIf(calls, 0) AS calls_with_usage,
    allocated / nullIf(calls, 0) AS allocated_calls,
    allocated_usd / nullIf(known_usd, 0) AS allocated_dollars,
    ifNull(estimated_usd, 0) / nullIf(ifNull(known_usd, 0) + ifNull(estimated_usd, 0), 0) AS estimated_dollars
FROM
(
    SELECT
        toFloat64(sum(s.calls)) AS calls,
        toFloat64(sumIf(s.calls, s.unpriced_reason = '')) AS priced,
        toFloat64(sumIf(s.calls, s.basis NOT IN ('unknown', 'lost', 'partial'))) AS with_usage,
        toFloat64(sumIf(s.calls, s.feature_source IN ('declared', 'mapped'))) AS allocated,
        toFloat64(sum(s.cost_usd)) AS known_usd,
        toFloat64(sumIf(ifNull(s.cost_usd, 0), s.feature_source IN ('declared', 'mapped'))) AS allocated_usd,
        toFloat64(sum(s.estimated_usd)) AS estimated_usd
    FROM spend AS s
    WHERE s.grain = <grain> AND <days> AND <chosen>
)
