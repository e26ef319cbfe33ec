-- What became of each event on each channel, the newest first.
SELECT
    l.event_id AS event_id, e.headline AS headline, l.channel AS channel, l.state AS state, l.at AS at, l.tries AS tries,
    l.error AS error, l.retry_at AS retry_at, l.form AS form, l.project AS project
FROM
(
    SELECT
        event_id, channel, any(d.project) AS project, max((d.turn, d.state != 'claimed')) AS step,
        argMax(d.state, (d.turn, d.state != 'claimed')) AS state, argMax(d.at, (d.turn, d.state != 'claimed')) AS at,
        argMax(d.error, (d.turn, d.state != 'claimed')) AS error, argMax(d.form, (d.turn, d.state != 'claimed')) AS form,
        argMax(tuple(d.retry_at), (d.turn, d.state != 'claimed')).1 AS retry_at, max(d.tries) AS tries
    FROM alert_deliveries AS d
    WHERE d.event_id != '' AND (d.project = {project:String} OR {every_project:Bool})
    GROUP BY event_id, channel
) AS l
LEFT JOIN (SELECT id, any(v.headline) AS headline FROM alert_events AS v GROUP BY id) AS e ON e.id = l.event_id
ORDER BY l.at DESC, l.event_id, l.channel
LIMIT {most:UInt32}
