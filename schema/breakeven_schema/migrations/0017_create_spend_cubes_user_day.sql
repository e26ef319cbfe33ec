CREATE MATERIALIZED VIEW IF NOT EXISTS spend_cubes_user_day TO spend_cubes AS
SELECT
    'user_day' AS grain,
    toStartOfDay(slice) AS at,
    project, priced_at, feature, feature_source, provider, model, price_context, name_id, tier_start, basis, meter, counted, user_id,
    sum(l.calls) AS calls,
    sum(l.failed_calls) AS failed_calls,
    sum(l.uncached_tokens) AS uncached_tokens,
    sum(l.cache_read_tokens) AS cache_read_tokens,
    sum(l.cache_write_5m_tokens) AS cache_write_5m_tokens,
    sum(l.cache_write_1h_tokens) AS cache_write_1h_tokens,
    sum(l.audio_input_tokens) AS audio_input_tokens,
    sum(l.image_input_tokens) AS image_input_tokens,
    sum(l.answer_tokens) AS answer_tokens,
    sum(l.reasoning_tokens) AS reasoning_tokens,
    sum(l.audio_output_tokens) AS audio_output_tokens,
    sum(l.image_output_tokens) AS image_output_tokens,
    sum(l.quantity) AS quantity,
    sum(l.reported_cost_usd) AS reported_cost_usd,
    sum(l.duration_us) AS duration_us,
    max(l.pass) AS pass
FROM spend_slices AS l
GROUP BY project, at, priced_at, feature, feature_source, provider, model, price_context, name_id, tier_start, basis, meter, counted, user_id
