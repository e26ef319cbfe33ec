-- Tokens by kind and UTC day.
SELECT
    toStartOfDay(s.at, 'UTC') AS time,
    toFloat64(sum(s.uncached_tokens)) AS uncached_input,
    toFloat64(sum(s.cache_read_tokens)) AS read_from_cache,
    toFloat64(sum(s.cache_write_5m_tokens + s.cache_write_1h_tokens)) AS written_to_cache,
    toFloat64(sum(s.audio_input_tokens + s.image_input_tokens)) AS audio_and_image_input,
    toFloat64(sum(s.answer_tokens)) AS answer,
    toFloat64(sum(s.reasoning_tokens)) AS reasoning,
    toFloat64(sum(s.audio_output_tokens + s.image_output_tokens)) AS audio_and_image_output
FROM spend AS s
WHERE s.grain = <grain> AND <days> AND <chosen>
GROUP BY time
ORDER BY time
