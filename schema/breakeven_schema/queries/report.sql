-- The bill by one dimension: the period, and as much of the one before it.
-- Whole days come from the cubes of days. The period before ends at this time of its last day, so that day comes from a
-- finer grain.
WITH
    at >= toDateTime({from:UInt32}, 'UTC') AS current,
    counted = 'yes' AS billed,
    NOT current AS before
SELECT
    toString({dimension:Identifier}) AS name,
    sumIf(s.calls, current AND billed) AS calls,
    sumIf(s.failed_calls, current AND billed) AS failed_calls,
    sumIf(s.input_tokens, current AND billed) AS input_tokens,
    sumIf(s.cache_read_tokens, current AND billed) AS cached_input_tokens,
    sumIf(s.output_tokens, current AND billed) AS output_tokens,
    sumIf(s.cost_usd, current AND billed) AS cost_usd,
    sumIf(s.cost_usd, before AND billed) AS previous_cost_usd,
    sumIf(s.calls, current AND billed AND s.unpriced_reason != '') AS unpriced_calls,
    sumIf(s.quantity, current AND billed AND s.cost_usd IS NULL) AS unpriced_units,
    sumIf(s.calls, current AND billed AND basis IN ('unknown', 'partial')) AS calls_without_usage,
    sumIf(s.calls, current AND billed AND feature_source IN ('declared', 'mapped')) AS allocated_calls,
    sumIf(s.cost_usd, current AND billed AND feature_source IN ('declared', 'mapped')) AS allocated_usd,
    sumIf(s.calls, current AND counted = 'duplicate') AS duplicate_calls,
    sumIf(s.calls, current AND counted = 'wrapper') AS wrapper_calls,
    sumIf(s.cost_usd, current AND NOT billed) AS removed_usd
FROM spend AS s
WHERE project = {project:String}
    AND (
        (grain = {days:String} AND at >= toDateTime({previous_from:UInt32}, 'UTC') AND NOT at = toDateTime({cut_day:UInt32}, 'UTC'))
        OR (grain = {fine:String} AND at >= toDateTime({cut_day:UInt32}, 'UTC') AND at < toDateTime({previous_to:UInt32}, 'UTC'))
    )
GROUP BY name
ORDER BY cost_usd DESC NULLS LAST, calls DESC, name
