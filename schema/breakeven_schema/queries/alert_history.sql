-- What was to be told, the newest first.
SELECT id, project, rule, subject, change, at, since, headline, usd, limit_usd
FROM alert_events
WHERE project = {project:String} OR {every_project:Bool}
ORDER BY at DESC, kept_at DESC, id
LIMIT 1 BY id
LIMIT {most:UInt32}
