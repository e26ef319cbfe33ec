-- The last state of each rule and subject.
CREATE OR REPLACE VIEW alerts_now AS
SELECT
    s.project AS project, s.rule AS rule, s.subject AS subject, s.state AS state, s.since AS since, s.at AS at,
    s.fired_at AS fired_at, s.told_at AS told_at, s.tellings AS tellings, s.is_active AS is_active, s.marker AS marker,
    s.usd AS usd, s.limit_usd AS limit_usd, s.headline AS headline, s.version AS version
FROM alert_states AS s
-- The last first.
ORDER BY s.version DESC
LIMIT 1 BY project, rule, subject
