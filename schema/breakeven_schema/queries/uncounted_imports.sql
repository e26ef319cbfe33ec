-- Minutes whose ledger holds more or fewer imported calls than `calls` does: rows were deleted, and no pass has seen it yet.
SELECT project, toUnixTimestamp(minute) AS minute
FROM
(
    SELECT project, toStartOfMinute(ts) AS minute, toString(source) AS source, toInt64(uniqExact(identity, trace_id, span_id)) AS held
    FROM calls
    WHERE source != '' AND toStartOfMinute(ts) >= toDateTime({first:UInt32}, 'UTC')
    GROUP BY project, minute, source
    UNION ALL
    SELECT project, slice AS minute, substring(service, length({prefix:String}) + 1) AS source, -sum(calls) AS held
    FROM spend_slices
    WHERE startsWith(service, {prefix:String}) AND NOT startsWith(counted, 'late') AND slice >= toDateTime({first:UInt32}, 'UTC')
    GROUP BY project, minute, source
)
GROUP BY project, minute, source
HAVING sum(held) != 0
