-- Spans acknowledged and spans that came into the ledger, within each interval. Counters begin at 0 with each start.
SELECT
    time,
    sum(greatest(0, if(first, 0, if(received < received_before, received, received - received_before)))) AS received,
    sum(greatest(0, if(first, 0, if(landed < landed_before, landed, landed - landed_before)))) AS landed,
    sum(greatest(0, if(first, 0, if(ship_errors < errors_before, ship_errors, ship_errors - errors_before)))) AS failed_tries
FROM
(
    SELECT
        $__timeInterval(s.at) AS time,
        toInt64(s.received) AS received, toInt64(s.landed) AS landed, toInt64(s.ship_errors) AS ship_errors,
        row_number() OVER run = 1 AS first,
        lagInFrame(toInt64(s.received)) OVER run AS received_before,
        lagInFrame(toInt64(s.landed)) OVER run AS landed_before,
        lagInFrame(toInt64(s.ship_errors)) OVER run AS errors_before
    FROM collector_health AS s
    WHERE $__timeFilter(s.at)
    WINDOW run AS (PARTITION BY s.collector ORDER BY s.at ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
)
GROUP BY time
ORDER BY time
