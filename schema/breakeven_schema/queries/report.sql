-- The bill by one dimension: the period from `start`, and the one before it from `from`. With `rest` also what has no
-- dollars and why, and the services whose calls no feature pays for: in one statement, for planning `spend` takes longer
-- than reading it. `part` tells them apart: name, unpriced (whose name is the reason), unallocated (the service).
-- `spend_of` stands here for its query over the sums of report_rows.sql: a price is applied to thousands of sums and not to
-- millions of rows, by the one formula there is.
SELECT
    key.1 AS part, key.2 AS name, key.3 AS named_provider, key.4 AS named_model, key.5 AS named_meter,
    sumIf(s.calls, now_billed) AS calls,
    sumIf(s.failed_calls, now_billed) AS failed_calls,
    sumIf(s.input_tokens, now_billed) AS input_tokens,
    sumIf(s.cache_read_tokens, now_billed) AS cached_input_tokens,
    sumIf(s.output_tokens, now_billed) AS output_tokens,
    sumIf(s.cost_usd, now_billed) AS cost_usd,
    sumIf(s.estimated_usd, now_billed) AS estimated_usd,
    sumIf(if(without_usage, s.calls, s.estimated_calls), now_billed AND s.estimated_usd IS NOT NULL) AS estimated_calls,
    sumIf(s.cost_usd, NOT current AND billed) AS previous_cost_usd,
    sumIf(s.calls, now_billed AND unpriced) AS unpriced_calls,
    sumIf(s.quantity, now_billed) AS quantity,
    sumIf(s.quantity, now_billed AND s.cost_usd IS NULL) AS unpriced_units,
    sumIf(s.calls, now_billed AND lacks_usage) AS calls_without_usage,
    sumIf(s.calls, now_billed AND reported) AS reported_calls,
    sumIf(s.cost_usd, now_billed AND reported) AS reported_usd,
    sumIf(s.calls, now_billed AND allocated) AS allocated_calls,
    sumIf(s.cost_usd, now_billed AND allocated) AS allocated_usd,
    sumIf(s.calls, now_billed AND mapped) AS mapped_calls,
    sumIf(s.cost_usd, now_billed AND mapped) AS mapped_usd,
    sumIf(s.calls, now_billed AND retry) AS retry_calls,
    sumIf(s.cost_usd, now_billed AND retry) AS retry_usd,
    sumIf(s.resends, now_billed) AS resends,
    sumIf(s.calls, now_billed AND from_cache) AS gateway_cache_calls,
    sumIf(s.avoided_usd, now_billed) AS avoided_usd,
    -- came after their minutes were sealed: in the bill, but a duplicate of what is gone cannot be told
    sumIf(s.calls, current AND late) AS late_calls,
    sumIf(s.cost_usd, current AND late) AS late_usd,
    sumIf(s.calls, current AND duplicate) AS duplicate_calls,
    sumIf(s.calls, current AND wrapper) AS wrapper_calls,
    sumIf(s.cost_usd, current AND NOT billed) AS removed_usd
FROM
(
    SELECT *,
        toString(toDate(at, {timezone:String})) AS day,
        formatDateTime(at, '%Y-%m', {timezone:String}) AS month,
        at >= toDateTime({start:UInt32}, 'UTC') AS current,
        counted IN ('yes', 'late') AS billed,
        current AND billed AS now_billed,
        feature_source IN ('declared', 'mapped') AS allocated,
        basis IN ('unknown', 'lost') AS without_usage,
        -- Planning compares every `AND x = '…'` with the query below it: here there is less below.
        basis IN ('unknown', 'lost', 'partial') AS lacks_usage, basis = 'reported' AS reported,
        basis = 'gateway_cache' AS from_cache, feature_source = 'mapped' AS mapped, unpriced_reason != '' AS unpriced,
        counted = 'late' AS late, counted IN ('duplicate', 'late_duplicate') AS duplicate,
        counted IN ('wrapper', 'late_wrapper') AS wrapper,
        -- a row is summed under its name, and in `rest` once more; ARRAY JOIN here would meet that of the view
        arrayJoin(arrayConcat(
            [('name', toString({dimension:Identifier}), '', '', '')],
            if({rest:Bool} AND now_billed AND unpriced_reason != '',
                [('unpriced', unpriced_reason, toString(provider), toString(model), toString(meter))], []),
            if({rest:Bool} AND now_billed AND NOT allocated, [('unallocated', toString(service), '', '', '')], []))) AS key
    FROM spend_of(book={book:String})
) AS s
WHERE ({only_environment:String} = '' OR environment = {only_environment:String})
    AND ({only_provider:String} = '' OR provider = {only_provider:String})
    AND ({only_model:String} = '' OR model = {only_model:String})
    AND ({only_service:String} = '' OR service = {only_service:String})
GROUP BY key
HAVING part = 'name' OR calls != 0 OR (part = 'unpriced' AND quantity != 0)
ORDER BY if(cost_usd IS NULL AND estimated_usd IS NULL, NULL, ifNull(cost_usd, 0) + ifNull(estimated_usd, 0)) DESC NULLS LAST, calls DESC, name
