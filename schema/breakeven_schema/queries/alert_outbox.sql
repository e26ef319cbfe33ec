-- What a channel has not been told: what is new enough, what was tried and has no end yet, and what came while the channel
-- was there and is too old by now.
WITH
    toDateTime64({oldest:String}, 6, 'UTC') AS oldest,
    -- Nothing was sent on it yet: it is new.
    (SELECT if(count() = 0, oldest, greatest(min(c.at), oldest - INTERVAL 7 DAY)) FROM alert_deliveries AS c WHERE c.channel = {channel:String}) AS first
SELECT
    e.id AS id, e.project AS project, e.rule AS rule, e.document AS document, greatest(e.at, e.kept_at) AS kept,
    l.state AS state, l.step_at AS step_at, l.retry_at AS retry_at, l.tries AS tries
FROM alert_events AS e
LEFT JOIN
(
    SELECT
        event_id, argMax(d.state, (d.turn, d.state != 'claimed')) AS state,
        argMax(d.at, (d.turn, d.state != 'claimed')) AS step_at,
        -- A tuple: argMax passes over NULL.
        argMax(tuple(d.retry_at), (d.turn, d.state != 'claimed')).1 AS retry_at, max(d.tries) AS tries
    FROM alert_deliveries AS d
    WHERE channel = {channel:String} AND event_id != ''
    GROUP BY event_id
) AS l ON l.event_id = e.id
WHERE l.state IN ('failed', 'claimed')
    OR (l.state = '' AND greatest(e.at, e.kept_at) >= least(oldest, first))
ORDER BY e.at, e.id
LIMIT 1 BY e.id
