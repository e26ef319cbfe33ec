SELECT *, <usd> AS usd
    FROM
    (
        SELECT
            if(s.{1} = '', '{2}', s.{1}) AS {3},
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
        WHERE s.grain = <{4}> AND <days> AND <chosen>
        GROUP BY {3}
        HAVING calls != 0 OR known_usd != 0 OR estimated_usd != 0
    )
