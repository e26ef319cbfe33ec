-- Dollars, known and estimated, by UTC day and model: the eight dearest models of the period, the others in one.
SELECT time, if(place <= 8, name, '(others)') AS model, sum(usd) AS usd
FROM
(
    SELECT *, dense_rank() OVER (ORDER BY total DESC NULLS LAST, name) AS place
    FROM
    (
        SELECT *, <usd> AS usd, sum(usd) OVER (PARTITION BY name) AS total
        FROM
        (
            SELECT
                toStartOfDay(s.at, 'UTC') AS time,
                if(s.model = '', '(none)', s.model) AS name,
                sum(s.cost_usd) AS known_usd,
                sum(s.estimated_usd) AS estimated_usd
            FROM spend AS s
            WHERE s.grain = <grain> AND <days> AND <chosen>
            GROUP BY time, name
        )
    )
)
GROUP BY time, model
HAVING usd IS NOT NULL
ORDER BY time, model
