-- Single calls as spans told of them, for dbt and BI: ids in hex. A call that two instrumentations saw is two rows here
-- and one in the bill. Version 1: columns are added, never changed or removed (docs/export.md).
CREATE OR REPLACE VIEW v1_calls AS
SELECT
    project, ts, lower(hex(c.trace_id)) AS trace_id, lower(hex(c.span_id)) AS span_id,
    lower(hex(c.parent_span_id)) AS parent_span_id, environment, service, feature, feature_source, task, run, tenant, user_id,
    session_id, tags, operation, provider, model, price_context, response_id, input_tokens, cache_read_tokens,
    cache_write_5m_tokens, cache_write_1h_tokens, audio_input_tokens, image_input_tokens, output_tokens, reasoning_tokens,
    audio_output_tokens, image_output_tokens, meters, reported_cost_usd, basis, stream, failed, error_type, http_status,
    duration_us
FROM calls AS c FINAL
