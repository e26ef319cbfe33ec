CREATE MATERIALIZED VIEW IF NOT EXISTS late_spans_of_spans TO late_spans AS
SELECT
    project, ts, is_call, trace_id, span_id, parent_span_id, identity, environment, service, feature, feature_source,
    feature_rank, task, tenant, user_id, scope, scope_rank, provider, model, price_context, response_id, input_tokens,
    cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, audio_input_tokens, image_input_tokens, output_tokens,
    reasoning_tokens, audio_output_tokens, image_output_tokens, meters, reported_cost_usd, failed, basis, duration_us,
    received_ns, origin_id, retry, resends, estimated_input_tokens, estimated_output_tokens, source, their_cost_usd
FROM spans
WHERE late AND (is_call OR parent_span_id != '')
