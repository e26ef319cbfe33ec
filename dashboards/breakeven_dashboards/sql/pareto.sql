-- Features, the dearest first, with the share that they make together. Dollars are known and estimated ones, as in
-- `breakeven report`.
WITH
    <period>
SELECT
    feature,
    replaceAll(feature, '\\', '\\\\') AS feature_value,
    usd,
    toFloat64(usd) / nullIf(toFloat64(total), 0) AS share,
    toFloat64(running) / nullIf(toFloat64(total), 0) AS running_share,
    toFloat64(known_usd) / nullIf(toFloat64(before_usd), 0) - 1 AS change,
    known_usd, estimated_usd, calls,
    toFloat64(priced_usd) / nullIf(priced_calls, 0) AS usd_per_call,
    owner, cost_centre
FROM
(
    SELECT *, <usd> AS usd, sum(usd) OVER () AS total, sum(usd) OVER dearest AS running
    FROM
    (
        SELECT
            if(s.feature = '', '(unallocated)', s.feature) AS feature,
            sumIf(s.cost_usd, s.at >= first) AS known_usd,
            sumIf(s.estimated_usd, s.at >= first) AS estimated_usd,
            sumIf(s.cost_usd, s.at >= first AND s.unpriced_reason = '') AS priced_usd,
            sumIf(s.cost_usd, s.at < first) AS before_usd,
            toFloat64(sumIf(s.calls, s.at >= first)) AS calls,
            toFloat64(sumIf(s.calls, s.at >= first AND s.unpriced_reason = '')) AS priced_calls,
            argMax(s.owner, s.at) AS owner,
            argMax(s.cost_centre, s.at) AS cost_centre
        FROM spend AS s
        WHERE <with_before>
        GROUP BY feature
        HAVING calls != 0 OR known_usd != 0 OR estimated_usd != 0
    )
    WINDOW dearest AS (ORDER BY usd DESC NULLS LAST, feature ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
ORDER BY usd DESC NULLS LAST, feature
