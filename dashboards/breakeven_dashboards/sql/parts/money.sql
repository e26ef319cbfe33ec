usd, toFloat64(usd) / nullIf(toFloat64(sum(usd) OVER ()), 0) AS share, known_usd, estimated_usd, calls,
    toFloat64(priced_usd) / nullIf(priced_calls, 0) AS usd_per_call
