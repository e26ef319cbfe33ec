-- As profile.sql, but from the usage in providers' accounts, for who has no calls: what keys and projects used, as features
-- by the [[map]] rules and priced by our rates. Usage by day is spread over the day's hours, so it has no peaks
-- (`by_day`); accounts know nothing of failures, duration and retries.
SELECT
    feature, hour, provider, model, batch,
    sumIf(q, live AND meter = 'requests') AS calls,
    toDecimal64(0, 0) AS failed_calls,
    sumIf(q, live AND meter IN ('uncached_tokens', 'audio_input_tokens', 'image_input_tokens')) AS uncached_tokens,
    sumIf(q, live AND meter = 'cache_read_tokens') AS cached_tokens,
    sumIf(q, live AND startsWith(meter, 'cache_write')) AS cache_write_tokens,
    sumIf(q, live AND meter IN ('output_tokens', 'audio_output_tokens')) AS output_tokens,
    toDecimal64(0, 0) AS duration_us,
    sumIf(usd, live) AS cost_usd,
    CAST(NULL AS Nullable(Decimal(38, 15))) AS estimated_usd,
    sumIf(q, live AND endsWith(meter, '_tokens') AND usd IS NULL) AS unpriced_tokens,
    -- of a model without a rate, all of them
    if(unpriced_tokens = 0, 0, calls) AS unpriced_calls,
    CAST(NULL AS Nullable(Decimal(38, 15))) AS retry_usd,
    sumIf(usd, NOT live) AS other_usd,
    sumIf(usd, feature_source NOT IN ('declared', 'mapped')) AS unallocated_usd,
    min(begins) AS first_at,
    max(long) AS by_day
FROM
(
    SELECT
        toString(b.feature) AS feature, b.feature_source AS feature_source, toString(b.provider) AS provider,
        toString(b.model) AS model, position(b.price_context, 'batch') > 0 AS batch, b.meter AS meter, b.at AS begins,
        b.cost_class IN ('', 'cost_of_goods') AS live,
        greatest(dateDiff('hour', b.at, b.to_time), 1) AS hours,
        hours > 1 AS long,
        b.quantity / hours AS q, b.cost_usd / hours AS usd,
        b.at + toIntervalHour(arrayJoin(range(toUInt64(hours)))) AS each,
        if(each < toDateTime({start:UInt32}, 'UTC'), toUInt32(0),
            toUInt32(toUnixTimestamp(toStartOfHour(each, {timezone:String})))) AS hour
    FROM billed_usage AS b
    WHERE (b.project = {project:String} OR {every_project:Bool})
        AND b.at >= toDateTime({from:UInt32}, 'UTC') AND b.at < toDateTime({to:UInt32}, 'UTC')
)
WHERE each < toDateTime({to:UInt32}, 'UTC')
GROUP BY feature, hour, provider, model, batch
ORDER BY feature, hour, provider, model, batch
