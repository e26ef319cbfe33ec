-- The last step of each channel.
SELECT
    channel, argMax(d.state, (d.turn, d.state != 'claimed')) AS state, argMax(d.error, (d.turn, d.state != 'claimed')) AS error,
    argMax(d.at, (d.turn, d.state != 'claimed')) AS at, argMax(d.tries, (d.turn, d.state != 'claimed')) AS tries
FROM alert_deliveries AS d
GROUP BY channel
ORDER BY channel
