-- What features took, hour by hour, from `start` up to `to`: their load and their bill. Rows before `start`, from `from`
-- on, stand in one sum a feature (hour 0), for how long it has been seen. `live` is what a model of one's own would take
-- over: cost of goods that repeats no earlier attempt.
SELECT
    key.1 AS feature, key.2 AS hour, key.3 AS provider, key.4 AS model, key.5 AS batch,
    sumIf(s.calls, live) AS calls,
    sumIf(s.failed_calls, live) AS failed_calls,
    sumIf(s.uncached_tokens + s.audio_input_tokens + s.image_input_tokens, live) AS uncached_tokens,
    sumIf(s.cache_read_tokens, live) AS cached_tokens,
    sumIf(s.cache_write_5m_tokens + s.cache_write_1h_tokens, live) AS cache_write_tokens,
    sumIf(s.output_tokens, live) AS output_tokens,
    sumIf(s.duration_us, live) AS duration_us,
    sumIf(s.cost_usd, live) AS cost_usd,
    sumIf(s.estimated_usd, live) AS estimated_usd,
    -- neither priced nor estimated
    sumIf(s.calls, live AND s.unpriced_reason != '' AND s.cost_usd IS NULL AND s.estimated_usd IS NULL) AS unpriced_calls,
    toDecimal64(0, 0) AS unpriced_tokens,
    sumIf(s.cost_usd, retry) AS retry_usd,
    sumIf(s.cost_usd, NOT retry AND NOT goods) AS other_usd,
    sumIf(s.cost_usd, NOT allocated) AS unallocated_usd,
    min(at) AS first_at
FROM
(
    SELECT *,
        cost_class IN ('', 'cost_of_goods') AS goods,
        goods AND NOT retry AS live,
        feature_source IN ('declared', 'mapped') AS allocated,
        if(grain = 'day',
            tuple(toString(feature), toUInt32(0), '', '', false),
            tuple(toString(feature), toUInt32(toUnixTimestamp(toStartOfHour(at, {timezone:String}))), toString(provider),
                toString(model), position(price_context, 'batch') > 0)) AS key
    FROM spend
    WHERE (project = {project:String} OR {every_project:Bool}) AND counted IN ('yes', 'late')
        AND (
            (grain = 'quarter_hour' AND at >= toDateTime({start:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC'))
            OR (grain = 'day' AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({start:UInt32}, 'UTC'))
        )
) AS s
GROUP BY key
ORDER BY feature, hour, provider, model, batch
