-- What is not in the bill or came late, by UTC day: duplicates and wrappers are taken out; late calls are in, but a duplicate
-- of what is gone cannot be told.
SELECT
    toStartOfDay(s.at, 'UTC') AS time,
    toFloat64(sumIf(s.calls, s.counted IN ('duplicate', 'late_duplicate'))) AS duplicate_calls,
    toFloat64(sumIf(s.calls, s.counted IN ('wrapper', 'late_wrapper'))) AS wrapper_calls,
    toFloat64(sumIf(s.calls, s.counted = 'late')) AS late_calls
FROM spend AS s
WHERE s.grain = 'day' AND s.counted IN ('duplicate', 'late_duplicate', 'wrapper', 'late_wrapper', 'late')
    AND <range> AND <chosen>
GROUP BY time
ORDER BY time
