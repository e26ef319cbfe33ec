-- Dollars, known and estimated, by UTC day and feature: the eight dearest features of the period, the others in one.
SELECT time, if(place <= 8, name, '(others)') AS feature, sum(usd) AS usd
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
                if(s.feature = '', '(unallocated)', s.feature) AS name,
                sum(s.cost_usd) AS known_usd,
                sum(s.estimated_usd) AS estimated_usd
            FROM spend AS s
            WHERE s.grain = <grain> AND <days> AND <chosen>
            GROUP BY time, name
        )
    )
)
GROUP BY time, feature
HAVING usd IS NOT NULL
ORDER BY time, feature
