-- What was told with a verdict: for alerts and dashboards, which do not work it out again.
ALTER TABLE verdicts
    ADD COLUMN IF NOT EXISTS crosses_p10_on Nullable(Date32) COMMENT 'first day on which the spend of 30 days may pass threshold_usd: one draw in ten is earlier; NULL: none within 90 days' AFTER threshold_usd,
    ADD COLUMN IF NOT EXISTS crosses_p50_on Nullable(Date32) COMMENT 'day on which it passes, as likely earlier as later; NULL: none within 90 days' AFTER crosses_p10_on,
    ADD COLUMN IF NOT EXISTS crosses_p90_on Nullable(Date32) COMMENT 'one draw in ten is later; NULL: none within 90 days' AFTER crosses_p50_on,
    ADD COLUMN IF NOT EXISTS crosses_90_days Nullable(Float64) COMMENT 'probability that it passes within 90 days; NULL: the days do not bear a forecast, or there is no threshold' AFTER crosses_p90_on,
    ADD COLUMN IF NOT EXISTS is_above UInt8 COMMENT '1: the spend of the last 30 days is at or above threshold_usd' AFTER crosses_90_days,
    ADD COLUMN IF NOT EXISTS api_usd Nullable(Float64) COMMENT 'today''s bill, USD a month of 730 hours; NULL: told before this was kept' AFTER is_above,
    ADD COLUMN IF NOT EXISTS best LowCardinality(String) COMMENT 'what saves most inside the API: cache, batch, a smaller model; with " ?" where its quality was not tested; empty: nothing' AFTER api_usd,
    ADD COLUMN IF NOT EXISTS best_saves_usd Nullable(Float64) COMMENT 'what that saves, USD a month; NULL: nothing does' AFTER best,
    ADD COLUMN IF NOT EXISTS next_step String COMMENT 'what to do next, for people; empty: told before this was kept' AFTER best_saves_usd,
    ADD COLUMN IF NOT EXISTS options String COMMENT 'JSON list of the options side by side, as in /api/verdicts' AFTER next_step
