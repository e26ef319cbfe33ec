-- What fires, is about to, or is snoozed, the dearest first.
SELECT project, rule, subject, state, since, at, told_at, tellings, usd, limit_usd, headline
FROM alerts_now
WHERE (project = {project:String} OR {every_project:Bool}) AND state IN ('firing', 'pending', 'snoozed')
ORDER BY state != 'firing', usd DESC NULLS LAST, rule, subject, project
