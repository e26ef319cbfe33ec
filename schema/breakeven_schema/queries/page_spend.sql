-- Spend of one grain by day of the reader's time zone and by a dimension, with the filters of the page: what charts,
-- sparklines and the page of a feature are drawn from.
SELECT
    toString({dimension:Identifier}) AS name,
    if({by_day:Bool}, toString(toDate(at, {timezone:String})), '') AS date,
    sum(s.calls) AS calls, sum(s.failed_calls) AS failed_calls, sum(s.input_tokens) AS input_tokens,
    sum(s.uncached_tokens) AS uncached_tokens, sum(s.cache_read_tokens) AS cache_read_tokens,
    sum(s.cache_write_5m_tokens + s.cache_write_1h_tokens) AS cache_write_tokens,
    sum(s.audio_input_tokens + s.image_input_tokens) AS media_input_tokens,
    sum(s.answer_tokens) AS answer_tokens, sum(s.reasoning_tokens) AS reasoning_tokens,
    sum(s.audio_output_tokens + s.image_output_tokens) AS media_output_tokens, sum(s.output_tokens) AS output_tokens,
    sum(s.duration_us) AS duration_us, sum(s.cost_usd) AS cost_usd, sum(s.estimated_usd) AS estimated_usd,
    sumIf(s.calls, s.unpriced_reason != '') AS unpriced_calls
FROM spend AS s
WHERE (project = {project:String} OR {every_project:Bool})
    AND grain = {grain:String} AND at >= toDateTime({start:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC')
    AND counted IN ('yes', 'late')
    AND ({any_feature:Bool} OR feature = {feature:String})
    AND ({environment:String} = '' OR environment = {environment:String})
    AND ({service:String} = '' OR service = {service:String})
    AND ({provider:String} = '' OR provider = {provider:String})
    AND ({model:String} = '' OR model = {model:String})
GROUP BY name, date
HAVING calls != 0 OR cost_usd != 0
ORDER BY date, if(cost_usd IS NULL AND estimated_usd IS NULL, NULL, ifNull(cost_usd, 0) + ifNull(estimated_usd, 0)) DESC NULLS LAST, name
