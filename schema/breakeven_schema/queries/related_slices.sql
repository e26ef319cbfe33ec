-- Minutes whose bill may change because of new rows from `from` up to `to`: they hold another row with the same
-- response id, or of
-- the same trace as a call without an id. Twenty minutes either way: a pair starts within ten of each other, and each
-- half may have had another partner before.
SELECT DISTINCT project, toUnixTimestamp(toStartOfMinute(ts)) AS minute
FROM {calls:Identifier}
WHERE project IN {projects:Array(String)}
    AND toStartOfMinute(ts) >= toDateTime({near_from:UInt32}, 'UTC') AND toStartOfMinute(ts) < toDateTime({near_to:UInt32}, 'UTC')
    AND NOT (toStartOfMinute(ts) >= toDateTime({from:UInt32}, 'UTC') AND toStartOfMinute(ts) < toDateTime({to:UInt32}, 'UTC'))
    AND
    (
        (project, identity) IN
        (
            SELECT project, identity FROM {calls:Identifier}
            WHERE project IN {projects:Array(String)}
                AND toStartOfMinute(ts) >= toDateTime({from:UInt32}, 'UTC') AND toStartOfMinute(ts) < toDateTime({to:UInt32}, 'UTC')
            UNION ALL
            -- a stream that Logfire reports twice: a call below the one report takes the other one out too
            SELECT project, identity FROM {calls:Identifier}
            WHERE project IN {projects:Array(String)} AND startsWith(scope, 'logfire.') AND response_id = ''
                AND toStartOfMinute(ts) >= toDateTime({near_from:UInt32}, 'UTC') AND toStartOfMinute(ts) < toDateTime({near_to:UInt32}, 'UTC')
                AND (project, trace_id) IN
                (
                    SELECT project, trace_id FROM {calls:Identifier}
                    WHERE project IN {projects:Array(String)}
                        AND toStartOfMinute(ts) >= toDateTime({from:UInt32}, 'UTC') AND toStartOfMinute(ts) < toDateTime({to:UInt32}, 'UTC')
                )
        )
        OR
        (
            (project, trace_id) IN
            (
                SELECT project, trace_id FROM {calls:Identifier}
                WHERE project IN {projects:Array(String)}
                    AND toStartOfMinute(ts) >= toDateTime({near_from:UInt32}, 'UTC') AND toStartOfMinute(ts) < toDateTime({near_to:UInt32}, 'UTC')
                GROUP BY project, trace_id
                HAVING countIf(response_id = '') > 0 AND count() > 1
            )
            AND (project, trace_id) IN
            (
                SELECT project, trace_id FROM {calls:Identifier}
                WHERE project IN {projects:Array(String)}
                    AND toStartOfMinute(ts) >= toDateTime({from:UInt32}, 'UTC') AND toStartOfMinute(ts) < toDateTime({to:UInt32}, 'UTC')
                UNION ALL
                SELECT project, trace_id FROM {links:Identifier}
                WHERE project IN {projects:Array(String)}
                    AND toStartOfMinute(ts) >= toDateTime({from:UInt32}, 'UTC') AND toStartOfMinute(ts) < toDateTime({to:UInt32}, 'UTC')
            )
        )
    )
ORDER BY minute, project
