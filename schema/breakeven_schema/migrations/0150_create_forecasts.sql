-- What a month will have cost, as it was forecast. Appended where something changed, never rewritten.
CREATE TABLE IF NOT EXISTS forecasts
(
    project LowCardinality(String) COMMENT 'whose',
    feature LowCardinality(String) COMMENT 'what is forecast; empty: the whole bill of the project',
    month Date COMMENT 'first day of the month, in the zone in which the days of the report begin',
    made_at DateTime64(6, 'UTC') COMMENT 'the moment that it was made for',
    so_far_usd Float64 COMMENT 'spent in the month up to then',
    p10_usd Nullable(Float64) COMMENT 'month''s end: one in ten is lower; NULL: see reason',
    p50_usd Nullable(Float64) COMMENT 'month''s end: as likely lower as higher; NULL: see reason',
    p90_usd Nullable(Float64) COMMENT 'month''s end: one in ten is higher; NULL: see reason',
    budget_usd Nullable(Decimal(18, 6)) COMMENT 'budget of the month, as declared; NULL: none',
    reason LowCardinality(String) COMMENT 'why there is no forecast; empty: there is one'
)
ENGINE = MergeTree
-- The last forecast of a feature and month is what is asked for.
ORDER BY (project, feature, month, made_at)
SETTINGS non_replicated_deduplication_window = 1000
