-- Rows of imported calls that a later import of the same call has taken the place of, where its minute or identity is
-- another: then they do not replace each other by themselves. Only minutes that a pass may still difference.
SELECT project, trace_id, span_id, version.1 AS minute, version.2 AS identity
FROM
(
    SELECT project, trace_id, span_id,
        groupUniqArray((toStartOfMinute(ts), identity)) AS versions,
        argMax((toStartOfMinute(ts), identity), (received_ns, ts, identity)) AS newest
    FROM calls
    WHERE source != '' AND (project, trace_id, span_id) IN
    (
        SELECT project, trace_id, span_id FROM calls WHERE source != ''
        GROUP BY project, trace_id, span_id
        HAVING min((toStartOfMinute(ts), identity)) != max((toStartOfMinute(ts), identity))
    )
    GROUP BY project, trace_id, span_id
)
ARRAY JOIN arrayFilter(v -> v != newest AND v.1 >= toDateTime({first:UInt32}, 'UTC'), versions) AS version
