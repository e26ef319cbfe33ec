-- USD by which the 90th percentile of this month's end exceeds the budget; a row for each budget with a forecast.
SELECT
    forecast.project AS project,
    if(forecast.feature = '', '(whole bill)', forecast.feature) AS feature,
    assumeNotNull(forecast.p90_usd) - toFloat64(assumeNotNull(forecast.budget_usd)) AS over_usd
FROM forecasts_now AS forecast
WHERE forecast.month = toStartOfMonth(today()) AND forecast.p90_usd IS NOT NULL AND forecast.budget_usd IS NOT NULL
    -- One row a budget: where there is one for all projects together, that one.
    AND (forecast.project = '' OR forecast.feature NOT IN (
        SELECT told.feature
        FROM forecasts_now AS told
        WHERE told.project = '' AND told.month = toStartOfMonth(today()) AND told.budget_usd IS NOT NULL
    ))
ORDER BY feature, project
