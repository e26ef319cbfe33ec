-- How the last message of each channel went.
SELECT
    channel, argMax(d.state, (d.turn, d.state != 'claimed')) AS state, argMax(d.error, (d.turn, d.state != 'claimed')) AS error
FROM alert_deliveries AS d
GROUP BY channel
ORDER BY channel
