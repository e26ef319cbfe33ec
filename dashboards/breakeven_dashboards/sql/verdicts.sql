-- The last verdict of each feature; those that were asked for over all projects together have no project.
SELECT
    if(s.project = '', '(all)', toString(s.project)) AS project, toString(s.feature) AS feature,
    replaceAll(feature, '\\', '\\\\') AS feature_value,
    s.sentence AS verdict, s.spend_usd AS spend_usd, s.threshold_usd AS break_even_usd,
    s.spend_usd / nullIf(s.threshold_usd, 0) AS of_break_even,
    s.next_step AS next_step, s.decided_at AS decided_at
FROM verdicts_now AS s
WHERE <judged>
ORDER BY s.spend_usd DESC, feature
