-- Models of the period, the dearest first.
SELECT
    model, usd, toFloat64(usd) / nullIf(toFloat64(sum(usd) OVER ()), 0) AS share, known_usd, estimated_usd, calls,
    toFloat64(priced_usd) / nullIf(priced_calls, 0) AS usd_per_call,
    replaceAll(model, '\\', '\\\\') AS model_value,
    input_tokens / nullIf(calls, 0) AS input_tokens_per_call,
    output_tokens / nullIf(calls, 0) AS output_tokens_per_call,
    cached_tokens / nullIf(input_tokens, 0) AS cached_share,
    failed_calls / nullIf(calls, 0) AS failed_share
FROM
(
    SELECT *, <usd> AS usd
    FROM
    (
        SELECT
            if(s.model = '', '(none)', s.model) AS model,
            sum(s.cost_usd) AS known_usd,
            sum(s.estimated_usd) AS estimated_usd,
            sumIf(s.cost_usd, s.unpriced_reason = '') AS priced_usd,
            toFloat64(sum(s.calls)) AS calls,
            toFloat64(sumIf(s.calls, s.unpriced_reason = '')) AS priced_calls,
            toFloat64(sum(s.input_tokens)) AS input_tokens,
            toFloat64(sum(s.output_tokens)) AS output_tokens,
            toFloat64(sum(s.cache_read_tokens)) AS cached_tokens,
            toFloat64(sum(s.failed_calls)) AS failed_calls
        FROM spend AS s
        WHERE s.grain = <grain> AND <days> AND <chosen>
        GROUP BY model
        HAVING calls != 0 OR known_usd != 0 OR estimated_usd != 0
    )
)
ORDER BY usd DESC NULLS LAST, model
LIMIT 500
