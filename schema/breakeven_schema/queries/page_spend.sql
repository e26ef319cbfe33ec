-- Spend by day of the reader's time zone and by several dimensions, with the filters of the page: what charts, sparklines
-- and the page of a feature are drawn from. All in one statement, for planning it takes longer than reading. A cut is a
-- dimension, the grain it is read from (each holds the whole bill), whether it goes by day, and the second that it begins
-- at; `cut` is its place among them.
-- `spend_of` stands here for its query over the rows of page_spend_rows.sql.
SELECT
    key.1 AS cut, key.2 AS name, if(key.3 = 0, '', toString(toDate(key.3))) AS date,
    sum(s.calls) AS calls, sum(s.failed_calls) AS failed_calls, sum(s.input_tokens) AS input_tokens,
    sum(s.uncached_tokens) AS uncached_tokens, sum(s.cache_read_tokens) AS cache_read_tokens,
    sum(s.cache_write_5m_tokens + s.cache_write_1h_tokens) AS cache_write_tokens,
    sum(s.audio_input_tokens + s.image_input_tokens) AS media_input_tokens,
    sum(s.answer_tokens) AS answer_tokens, sum(s.reasoning_tokens) AS reasoning_tokens,
    sum(s.audio_output_tokens + s.image_output_tokens) AS media_output_tokens, sum(s.output_tokens) AS output_tokens,
    sum(s.cost_usd) AS cost_usd, sum(s.estimated_usd) AS estimated_usd,
    sumIf(s.calls, s.unpriced_reason != '') AS unpriced_calls
FROM
(
    SELECT calls, failed_calls, input_tokens, uncached_tokens, cache_read_tokens, cache_write_5m_tokens,
        cache_write_1h_tokens, audio_input_tokens, image_input_tokens, answer_tokens, reasoning_tokens,
        audio_output_tokens, image_output_tokens, output_tokens, cost_usd, estimated_usd, unpriced_reason,
        arrayJoin(arrayFilter(k -> k.1 != 0, arrayMap(
            (c, i) -> (
                if(c.2 = grain AND at >= toDateTime(c.4, 'UTC'), i, 0),
                multiIf(c.1 = 'feature', toString(feature), c.1 = 'model', toString(model), c.1 = 'provider', toString(provider),
                    c.1 = 'service', toString(service), c.1 = 'environment', toString(environment),
                    c.1 = 'tenant', toString(tenant), toString(user_id)),
                if(c.3, toUInt16(toDate(at, {timezone:String})), 0)),
            {cuts:Array(Tuple(String, String, Bool, UInt32))}, arrayEnumerate({cuts:Array(Tuple(String, String, Bool, UInt32))})))) AS key
    FROM spend_of(book={book:String})
    WHERE {any_feature:Bool} OR feature = {feature:String}
) AS s
GROUP BY key
HAVING calls != 0 OR cost_usd != 0
ORDER BY cut, date, if(cost_usd IS NULL AND estimated_usd IS NULL, NULL, ifNull(cost_usd, 0) + ifNull(estimated_usd, 0)) DESC NULLS LAST, name
