-- The message that told a firing first, where Slack named it.
SELECT firing, argMin(d.message_ts, d.turn) AS ts, argMin(d.posted_to, d.turn) AS posted_to
FROM alert_deliveries AS d
WHERE channel = {channel:String} AND state = 'sent' AND message_ts != '' AND thread_ts = '' AND has({firings:Array(String)}, firing)
GROUP BY firing
