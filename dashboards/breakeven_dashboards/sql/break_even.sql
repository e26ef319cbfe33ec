-- The break-even of each feature that has one, by its last verdict, as a line.
SELECT arrayJoin([toStartOfDay($__fromTime, 'UTC'), $__toTime]) AS time, feature, break_even_usd
FROM
(
    SELECT toString(s.feature) AS feature, argMax(s.threshold_usd, s.decided_at) AS break_even_usd
    FROM verdicts_now AS s
    WHERE s.threshold_usd IS NOT NULL AND <judged>
    GROUP BY feature
)
ORDER BY time, feature
