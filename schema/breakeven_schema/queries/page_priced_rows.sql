-- Some calls as the ledger counts them, each for itself: rows for `spend_of` to price. `user_id` carries the call's own
-- name through it.
SELECT
    'minute' AS grain, project, slice AS at, priced_at, environment, service, feature, feature_source, tenant,
    concat(hex(trace_id), '-', hex(span_id)) AS user_id, provider, model, price_context, name_id, tier_start, basis,
    meter, counted, calls, failed_calls, uncached_tokens, cache_read_tokens, cache_write_5m_tokens,
    cache_write_1h_tokens, audio_input_tokens, image_input_tokens, answer_tokens, reasoning_tokens, audio_output_tokens,
    image_output_tokens, quantity, reported_cost_usd, duration_us, origin_id, retry, resends, estimated_calls,
    estimated_input_tokens, estimated_output_tokens
FROM truth
WHERE concat(hex(trace_id), '-', hex(span_id)) IN {spans:Array(String)}
