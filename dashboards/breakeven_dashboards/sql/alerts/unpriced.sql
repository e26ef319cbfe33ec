-- Share of a project's calls of today and yesterday (UTC) that a price is missing for; a row for each project with calls.
SELECT
    project,
    toFloat64(sumIf(calls, unpriced_reason = 'model not in the price book' OR startsWith(unpriced_reason, 'no rate')))
        / toFloat64(sum(calls)) AS share
FROM spend
WHERE grain = 'day' AND counted IN ('yes', 'late') AND at >= toDateTime(yesterday(), 'UTC')
GROUP BY project
HAVING sum(calls) > 0
ORDER BY project
