-- Features that ever cost something or were called, and whose they were last, for dbt and BI. Version 1: columns are added,
-- never changed or removed (docs/export.md).
CREATE OR REPLACE VIEW v1_features AS
SELECT
    project, feature, argMax(s.owner, s.at) AS owner, argMax(s.cost_centre, s.at) AS cost_centre,
    toDate(min(s.at), 'UTC') AS first_day, toDate(max(s.at), 'UTC') AS last_day,
    sum(s.calls) AS calls, sum(s.cost_usd) AS cost_usd
FROM spend AS s
WHERE grain = 'day' AND counted IN ('yes', 'late') AND feature != ''
GROUP BY project, feature
