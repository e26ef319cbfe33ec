-- Services whose calls no declared or mapped feature pays for, the dearest first.
SELECT service, usd, known_usd, estimated_usd, calls
FROM
(
    SELECT
        if(s.service = '', '(none)', s.service) AS service,
        sum(s.cost_usd) AS known_usd, sum(s.estimated_usd) AS estimated_usd, <usd> AS usd,
        toFloat64(sum(s.calls)) AS calls
    FROM spend AS s
    WHERE s.grain = 'day' AND s.feature_source NOT IN ('declared', 'mapped') AND <days> AND <chosen>
    GROUP BY service
    HAVING calls != 0
)
ORDER BY usd DESC NULLS LAST, calls DESC, service
LIMIT 200
