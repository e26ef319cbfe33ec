-- What a feature took in a stretch of time (`now`) and on average in stretches of the same length that are usual: by model
-- and, in rows of their own, by tenant. `length` is in seconds, all moments are too; the bounds are those of all
-- stretches. Grains: for short stretches quarter_hour and minute, for whole UTC days day and tenant_day.
SELECT
    if(toUnixTimestamp(at) >= {now:UInt32} AND toUnixTimestamp(at) < {now:UInt32} + {length:UInt32}, 'now', 'usual') AS phase,
    if(grain = {grain:String}, 'model', 'tenant') AS kind,
    if(kind = 'model', toString(s.model), toString(s.tenant)) AS name,
    toBool(s.retry != 0) AS is_retry,
    anyHeavy(s.name_id) AS name_id,
    toFloat64(sum(s.calls)) AS calls,
    toFloat64(sum(s.uncached_tokens + s.audio_input_tokens + s.image_input_tokens)) AS uncached_tokens,
    toFloat64(sum(s.cache_read_tokens)) AS cached_tokens,
    toFloat64(sum(s.cache_write_5m_tokens + s.cache_write_1h_tokens)) AS written_tokens,
    toFloat64(sum(s.output_tokens)) AS output_tokens,
    toFloat64(ifNull(sum(s.cost_usd), 0)) + toFloat64(ifNull(sum(s.estimated_usd), 0)) AS usd
FROM spend AS s
WHERE project = {project:String} AND ({every_feature:Bool} OR feature = {feature:String}) AND counted IN ('yes', 'late')
    AND grain IN ({grain:String}, {tenant_grain:String})
    AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC')
    AND (phase = 'now'
        OR arrayExists(begin -> toUnixTimestamp(at) >= begin AND toUnixTimestamp(at) < begin + {length:UInt32}, {usual:Array(UInt32)}))
GROUP BY phase, kind, name, is_retry
ORDER BY phase, kind, usd DESC, name
