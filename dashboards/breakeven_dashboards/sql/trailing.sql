-- Dollars of the 30 UTC days up to each day, for the ten dearest features: what is held against the break-even. Known ones
-- alone, as in verdicts.
SELECT time, feature, usd
FROM
(
    SELECT time, feature, usd, dense_rank() OVER (ORDER BY latest DESC, feature) AS place
    FROM
    (
        SELECT time, feature, usd, last_value(usd) OVER by_day AS latest
        FROM
        (
            SELECT toDateTime(day, 'UTC') AS time, feature,
                sum(of_day) OVER (PARTITION BY feature ORDER BY number RANGE BETWEEN 29 PRECEDING AND CURRENT ROW) AS usd
            FROM
            (
                SELECT day, feature, ifNull(known_usd, 0) AS of_day, toRelativeDayNum(day) AS number
                FROM
                (
                    SELECT toDate(s.at, 'UTC') AS day, if(s.feature = '', '(unallocated)', s.feature) AS feature,
                        toFloat64(sum(s.cost_usd)) AS known_usd
                    FROM spend AS s
                    WHERE s.grain = 'day' AND s.counted IN ('yes', 'late')
                        AND s.at >= subtractDays(toStartOfDay($__fromTime, 'UTC'), 29) AND s.at < <over> AND <chosen>
                    GROUP BY day, feature
                    -- Days without calls have a sum of 30 days, too.
                    ORDER BY feature, day WITH FILL TO toDate(least(<over>, addDays(now('UTC'), 1)), 'UTC')
                )
            )
        )
        WINDOW by_day AS (PARTITION BY feature ORDER BY time ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    )
    WHERE time >= toStartOfDay($__fromTime, 'UTC')
)
WHERE place <= 10
ORDER BY time, feature
