-- What was told, the newest first.
SELECT
    e.id AS id, e.project AS project, e.rule AS rule, e.subject AS subject, e.change AS change, e.at AS at,
    e.headline AS headline, e.usd AS usd
FROM alert_events AS e
WHERE e.project = {project:String} OR {every_project:Bool}
ORDER BY e.at DESC, e.id
LIMIT {most:UInt32}
