-- What each month is expected to come to, beside its budget. A feature without a name is the whole bill.
SELECT
    if(s.project = '', '(all)', toString(s.project)) AS project, if(s.feature = '', '(whole bill)', toString(s.feature)) AS feature,
    formatDateTime(s.month, '%Y-%m') AS month, s.so_far_usd AS so_far_usd,
    s.p10_usd AS p10_usd, s.p50_usd AS p50_usd, s.p90_usd AS p90_usd,
    toFloat64(s.budget_usd) AS budget_usd, s.p50_usd / nullIf(toFloat64(s.budget_usd), 0) AS of_budget,
    toString(s.reason) AS reason
FROM forecasts_now AS s
WHERE s.month >= toStartOfMonth(toDate($__fromTime, 'UTC')) AND s.month <= toDate(subtractSeconds($__toTime, 1), 'UTC') AND (s.project = '' OR <chosen: project>)
    AND (s.feature = '' OR <chosen: feature>)
ORDER BY s.month DESC, of_budget DESC NULLS LAST, so_far_usd DESC, feature
