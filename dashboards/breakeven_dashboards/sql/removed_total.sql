-- The same for the whole period, with the dollars that would have been counted twice.
SELECT
    toFloat64(sumIf(s.calls, s.counted IN ('duplicate', 'late_duplicate'))) AS duplicate_calls,
    toFloat64(sumIf(s.calls, s.counted IN ('wrapper', 'late_wrapper'))) AS wrapper_calls,
    sumIf(s.cost_usd, s.counted != 'late') AS removed_usd,
    toFloat64(sumIf(s.calls, s.counted = 'late')) AS late_calls,
    sumIf(s.cost_usd, s.counted = 'late') AS late_usd
FROM spend AS s
WHERE s.grain = 'day' AND s.counted IN ('duplicate', 'late_duplicate', 'wrapper', 'late_wrapper', 'late')
    AND <range> AND <chosen>
