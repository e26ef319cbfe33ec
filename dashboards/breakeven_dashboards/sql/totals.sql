-- The period in one row, and how it changed against as much of the days before it. The change is that of known dollars, as
-- in `breakeven report`.
WITH
    <period>
SELECT
    <usd> AS usd,
    toFloat64(known_usd) / nullIf(toFloat64(before_usd), 0) - 1 AS change,
    known_usd, estimated_usd, calls,
    calls / nullIf(before_calls, 0) - 1 AS change_of_calls,
    toFloat64(priced_usd) / nullIf(priced_calls, 0) AS usd_per_call,
    cached / nullIf(input, 0) AS cached_share,
    failed / nullIf(calls, 0) AS failed_share,
    before_usd
FROM
(
    SELECT
        sumIf(s.cost_usd, s.at >= first) AS known_usd,
        sumIf(s.estimated_usd, s.at >= first) AS estimated_usd,
        sumIf(s.cost_usd, s.at >= first AND s.unpriced_reason = '') AS priced_usd,
        sumIf(s.cost_usd, s.at < first) AS before_usd,
        toFloat64(sumIf(s.calls, s.at >= first)) AS calls,
        toFloat64(sumIf(s.calls, s.at < first)) AS before_calls,
        toFloat64(sumIf(s.calls, s.at >= first AND s.unpriced_reason = '')) AS priced_calls,
        toFloat64(sumIf(s.input_tokens, s.at >= first)) AS input,
        toFloat64(sumIf(s.cache_read_tokens, s.at >= first)) AS cached,
        toFloat64(sumIf(s.failed_calls, s.at >= first)) AS failed
    FROM spend AS s
    WHERE <with_before>
)
