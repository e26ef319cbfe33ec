-- Known dollars a call by UTC day, over calls whose dollars are all known.
SELECT
    toStartOfDay(s.at, 'UTC') AS time,
    toFloat64(sumIf(s.cost_usd, s.unpriced_reason = '')) / nullIf(toFloat64(sumIf(s.calls, s.unpriced_reason = '')), 0)
        AS usd_per_call
FROM spend AS s
WHERE s.grain = <grain> AND <days> AND <chosen>
GROUP BY time
ORDER BY time
