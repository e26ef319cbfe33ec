-- What fires, is about to, or is snoozed, the dearest first.
SELECT
    n.project AS project, n.rule AS rule, n.subject AS subject, n.state AS state, n.since AS since, n.at AS at,
    n.told_at AS told_at, n.tellings AS tellings, n.usd AS usd, n.limit_usd AS limit_usd, n.headline AS headline
FROM alerts_now AS n
WHERE (n.project = {project:String} OR {every_project:Bool}) AND n.state IN ('firing', 'pending', 'snoozed')
ORDER BY n.usd DESC NULLS LAST, n.rule, n.subject, n.project
