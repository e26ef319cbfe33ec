-- Errors of the calls that are kept, the most frequent first.
SELECT
    if(s.error_type = '', '(no type)', s.error_type) AS error,
    if(s.model = '', '(none)', s.model) AS model,
    toFloat64(count()) AS calls,
    max(s.ts) AS last
FROM calls_by_feature AS s
WHERE s.failed AND $__timeFilter(s.ts) AND <chosen>
GROUP BY error, model
ORDER BY calls DESC, error, model
LIMIT 100
