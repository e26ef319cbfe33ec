-- When the sum of 30 days is expected to pass the break-even: the day by which it does in one of ten, five of ten and nine of
-- ten courses. Empty: not within what can be told.
SELECT
    if(s.project = '', '(all)', toString(s.project)) AS project, toString(s.feature) AS feature,
    replaceAll(feature, '\\', '\\\\') AS feature_value,
    if(s.is_above, 'above', 'below') AS now,
    s.spend_usd AS spend_usd, s.threshold_usd AS break_even_usd,
    toString(s.crosses_p10_on) AS crosses_p10_on, toString(s.crosses_p50_on) AS crosses_p50_on,
    toString(s.crosses_p90_on) AS crosses_p90_on,
    s.crosses_90_days AS within_90_days
FROM verdicts_now AS s
WHERE <judged>
ORDER BY s.is_above DESC, s.crosses_90_days DESC NULLS LAST, s.spend_usd DESC, feature
