-- The last message of a channel: whether it has ended, and until when the channel has to wait.
SELECT turn, countIf(d.state != 'claimed') > 0 AS is_over, max(d.at) AS at, max(d.retry_at) AS retry_at
FROM alert_deliveries AS d
WHERE channel = {channel:String}
GROUP BY turn
ORDER BY turn DESC
LIMIT 1
