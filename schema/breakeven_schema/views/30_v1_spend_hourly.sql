-- The bill by hour, for dbt and BI. Version 1: columns are added, never changed or removed (docs/export.md).
CREATE OR REPLACE VIEW v1_spend_hourly AS
SELECT
    project, toStartOfHour(s.at) AS hour, environment, service, feature, feature_source, owner, cost_centre, cost_class, provider, model,
    price_context, meter, basis, price_source, unpriced_reason,
    sum(s.calls) AS calls, sum(s.failed_calls) AS failed_calls, sumIf(s.calls, s.retry) AS retry_calls,
    sum(s.estimated_calls) AS estimated_calls,
    sum(s.uncached_tokens) AS uncached_tokens, sum(s.cache_read_tokens) AS cache_read_tokens,
    sum(s.cache_write_5m_tokens) AS cache_write_5m_tokens, sum(s.cache_write_1h_tokens) AS cache_write_1h_tokens,
    sum(s.audio_input_tokens) AS audio_input_tokens, sum(s.image_input_tokens) AS image_input_tokens,
    sum(s.answer_tokens) AS answer_tokens, sum(s.reasoning_tokens) AS reasoning_tokens,
    sum(s.audio_output_tokens) AS audio_output_tokens, sum(s.image_output_tokens) AS image_output_tokens,
    sum(s.quantity) AS quantity,
    sum(s.cost_usd) AS cost_usd, sum(s.estimated_usd) AS estimated_usd, sum(s.avoided_usd) AS avoided_usd
FROM spend AS s
WHERE grain = 'quarter_hour' AND counted IN ('yes', 'late')
GROUP BY project, hour, environment, service, feature, feature_source, owner, cost_centre, cost_class, provider, model,
    price_context, meter, basis, price_source, unpriced_reason
