-- Models whose calls have no price, with about what their tokens would cost: at what a token came to over all calls that
-- have one.
SELECT
    toString(s.provider) AS provider, toString(s.model) AS model, any(unpriced_reason) AS reason,
    toFloat64(sum(s.calls)) AS calls, toFloat64(sum(s.input_tokens + s.output_tokens)) AS tokens,
    tokens * ifNotFinite(any(a_token.usd), 0) AS usual_usd
FROM spend AS s
CROSS JOIN
(
    SELECT toFloat64(ifNull(sum(cost_usd), 0)) / toFloat64(sum(p.input_tokens + p.output_tokens)) AS usd
    FROM spend AS p
    WHERE project = {project:String} AND counted IN ('yes', 'late') AND grain = 'day' AND unpriced_reason = ''
        AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC')
) AS a_token
WHERE project = {project:String} AND counted IN ('yes', 'late') AND grain = 'day' AND cost_usd IS NULL
    AND unpriced_reason IN ('model not in the price book', 'no rate for a kind of token', 'no rate for the meter')
    AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC')
GROUP BY provider, model
ORDER BY usual_usd DESC, provider, model
