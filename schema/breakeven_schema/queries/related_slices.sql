-- Minutes whose bill may change because of new rows in `runs` (start, number of minutes): they hold another row with the same response id, or of
-- the same trace as a call without an id. Twenty minutes either way: a pair starts within ten of each other, and each
-- half may have had another partner before.
WITH near AS
(
    SELECT toDateTime(arrayJoin(arrayFlatten(arrayMap(r -> range(r.1, r.1 + 60 * r.2, 60), {near_runs:Array(Tuple(UInt32, UInt32))}))), 'UTC')
)
SELECT DISTINCT project, toUnixTimestamp(toStartOfMinute(ts)) AS minute
FROM calls
WHERE project IN {projects:Array(String)}
    AND toStartOfMinute(ts) IN (near)
    AND toStartOfMinute(ts) NOT IN (SELECT toDateTime(arrayJoin(arrayFlatten(arrayMap(r -> range(r.1, r.1 + 60 * r.2, 60), {runs:Array(Tuple(UInt32, UInt32))}))), 'UTC'))
    AND
    (
        (project, identity) IN
        (
            SELECT project, identity FROM calls
            WHERE project IN {projects:Array(String)}
                AND toStartOfMinute(ts) IN (SELECT toDateTime(arrayJoin(arrayFlatten(arrayMap(r -> range(r.1, r.1 + 60 * r.2, 60), {runs:Array(Tuple(UInt32, UInt32))}))), 'UTC'))
        )
        OR (project, trace_id) IN
        (
            SELECT project, trace_id FROM calls
            WHERE project IN {projects:Array(String)} AND toStartOfMinute(ts) IN (near)
            GROUP BY project, trace_id
            HAVING countIf(response_id = '') > 0 AND count() > 1
                AND countIf(toStartOfMinute(ts) IN (SELECT toDateTime(arrayJoin(arrayFlatten(arrayMap(r -> range(r.1, r.1 + 60 * r.2, 60), {runs:Array(Tuple(UInt32, UInt32))}))), 'UTC'))) > 0
        )
    )
ORDER BY minute, project
