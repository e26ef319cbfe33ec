-- Spans that processes numbered, and how many of the numbers never came.
SELECT sum(highest) AS numbered, sum(highest) - sum(seen_here) AS lost
FROM
(
    SELECT max(q.highest) AS highest, toInt64(groupBitmapMerge(q.seen)) AS seen_here, max(q.day) AS last_day
    FROM sequences AS q
    WHERE (project = {project:String} OR {every_project:Bool})
    GROUP BY project, service, seq_source
)
WHERE last_day >= toDate(toDateTime({start:UInt32}, 'UTC'))
