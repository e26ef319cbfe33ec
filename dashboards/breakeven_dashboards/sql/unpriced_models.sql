-- Where dollars are missing: models and meters, the most calls first.
SELECT
    s.unpriced_reason AS reason, toString(s.provider) AS provider,
    if(s.model = '', '(none)', s.model) AS model, replaceAll(model, '\\', '\\\\') AS model_value,
    toString(s.meter) AS meter,
    toFloat64(sum(s.calls)) AS calls, toFloat64(sum(s.quantity)) AS quantity, sum(s.estimated_usd) AS estimated_usd
FROM spend AS s
WHERE s.grain = 'day' AND s.unpriced_reason != '' AND <days> AND <chosen>
GROUP BY reason, provider, model, meter
HAVING calls != 0 OR quantity != 0
ORDER BY calls DESC, quantity DESC, provider, model, meter
LIMIT 200
