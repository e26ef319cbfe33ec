-- What the export in FOCUS leaves out of the same days, because nobody knows what it cost; `in_part`: the row is there,
-- with the part that is known. `units` counts what meters counted.
SELECT
    unpriced_reason AS reason,
    cost_usd IS NOT NULL AS in_part,
    sum(calls) AS calls,
    sum(quantity) AS units,
    sum(estimated_usd) AS estimated_usd
FROM spend
WHERE grain = {grain:String} AND counted IN ('yes', 'late') AND unpriced_reason != ''
    AND (project = {project:String} OR {every_project:Bool})
    AND at >= toDateTime({first:Date}, 'UTC') AND at < toDateTime({last:Date} + 1, 'UTC')
GROUP BY reason, in_part
ORDER BY in_part, calls DESC, reason
