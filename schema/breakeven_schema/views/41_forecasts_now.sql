-- The last forecast of each feature and month.
CREATE OR REPLACE VIEW forecasts_now AS
SELECT project, feature, month, made_at, so_far_usd, p10_usd, p50_usd, p90_usd, budget_usd, reason
FROM forecasts
-- The last first.
ORDER BY made_at DESC
LIMIT 1 BY project, feature, month
