-- Calls that are kept, under the features that pay for them after rules and aliases: a call that is split stands once for
-- each. For latency and errors; dollars are in spend alone.
CREATE OR REPLACE VIEW calls_by_feature AS
SELECT
    c.project AS project, c.ts AS ts, c.environment AS environment, c.service AS service, part.1 AS feature,
    c.tenant AS tenant, c.provider AS provider, c.model AS model, c.duration_us AS duration_us, c.failed AS failed,
    c.error_type AS error_type, c.http_status AS http_status
FROM
(
    SELECT project, ts, environment, service, feature, feature_source, origin_id, tenant, provider, model, duration_us,
        failed, error_type, http_status, toStartOfDay(ts) AS priced_at
    FROM calls
) AS c
ASOF LEFT JOIN attributions_now AS w
    ON w.project = c.project AND w.feature = c.feature AND w.feature_source = c.feature_source
    AND w.origin_id = c.origin_id AND w.environment = c.environment AND c.priced_at >= w.valid_from
LEFT ARRAY JOIN if(empty(w.parts), [(toString(c.feature), toString(c.feature_source), CAST(1 AS Decimal(38, 12)), '', '', '')], w.parts) AS part
