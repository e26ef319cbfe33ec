-- USD by which a feature's last 30 whole days (UTC) exceed its own break-even; a row for each feature that has one.
SELECT
    verdict.project AS project,
    verdict.feature AS feature,
    toFloat64(ifNull(spent.usd, 0)) - assumeNotNull(verdict.threshold_usd) AS over_usd
FROM verdicts_now AS verdict
LEFT JOIN
(
    -- The verdict of project '' is on all projects together.
    SELECT arrayJoin(['', project]) AS of_project, feature, sum(cost_usd) AS usd
    FROM spend
    WHERE grain = 'day' AND counted IN ('yes', 'late')
        AND at >= toDateTime(today() - 30, 'UTC') AND at < toDateTime(today(), 'UTC')
    GROUP BY of_project, feature
) AS spent ON spent.of_project = verdict.project AND spent.feature = verdict.feature
WHERE verdict.threshold_usd IS NOT NULL
    -- One row a feature: where there is a verdict on all projects together, that one.
    AND (verdict.project = '' OR verdict.feature NOT IN (SELECT feature FROM verdicts_now WHERE project = ''))
ORDER BY feature, project
