SELECT time, if(place <= 8, name, '(others)') AS {1}, sum(usd) AS usd
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
                if(s.{1} = '', '{2}', s.{1}) AS name,
                sum(s.cost_usd) AS known_usd,
                sum(s.estimated_usd) AS estimated_usd
            FROM spend AS s
            WHERE s.grain = <grain> AND <days> AND <chosen>
            GROUP BY time, name
        )
    )
)
GROUP BY time, {1}
HAVING usd IS NOT NULL
ORDER BY time, {1}
