-- The last verdict on each feature: what holds now. What it was worked out from stays in `verdicts`.
CREATE OR REPLACE VIEW verdicts_now AS
SELECT
    project,
    feature,
    decided_at,
    digest,
    window_from,
    window_to,
    timezone,
    book_version,
    model_version,
    code,
    rule,
    sentence,
    spend_usd,
    threshold_usd,
    crosses_p10_on,
    crosses_p50_on,
    crosses_p90_on,
    crosses_90_days,
    is_above,
    api_usd,
    best,
    best_saves_usd,
    next_step,
    options
FROM verdicts
-- The last one of each comes first, and is what LIMIT BY keeps.
ORDER BY decided_at DESC
LIMIT 1 BY project, feature
