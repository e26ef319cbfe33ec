-- The break-even of each feature that has one, as a line.
SELECT arrayJoin([toStartOfDay($__fromTime, 'UTC'), $__toTime]) AS time, toString(s.feature) AS feature,
    s.threshold_usd AS break_even_usd
FROM verdicts_now AS s
WHERE s.threshold_usd IS NOT NULL AND <chosen>
ORDER BY time, feature
