-- Snoozes that hold.
SELECT *
FROM
(
    SELECT
        s.project AS project, s.rule AS rule, s.subject AS subject, s.every_subject AS every_subject,
        s.until AS until, s.made_by AS made_by
    FROM alert_snoozes AS s
    WHERE s.project = {project:String} OR s.project = '' OR {every_project:Bool}
    ORDER BY s.made_at DESC
    LIMIT 1 BY project, rule, subject, every_subject
)
WHERE until > toDateTime64({now:String}, 6, 'UTC')
ORDER BY until, rule, subject
