-- The rows of `spend` that the page draws: those of the grains that it reads, within its filters.
-- both: what reads no minutes leaves out what stands between these marks
SELECT * FROM
(
-- end of both
SELECT grain, project, at, priced_at, environment, service, feature, feature_source, tenant, user_id, provider, model,
    price_context, name_id, tier_start, basis, meter, counted, calls, failed_calls, uncached_tokens, cache_read_tokens,
    cache_write_5m_tokens, cache_write_1h_tokens, audio_input_tokens, image_input_tokens, answer_tokens,
    reasoning_tokens, audio_output_tokens, image_output_tokens, quantity, reported_cost_usd, duration_us, origin_id,
    retry, resends, estimated_calls, estimated_input_tokens, estimated_output_tokens
FROM spend_cubes
WHERE (project = {project:String} OR {every_project:Bool})
    AND grain IN {grains:Array(String)} AND at >= toDateTime({start:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC')
    AND counted IN ('yes', 'late')
    AND ({environment:String} = '' OR environment = {environment:String})
    AND ({service:String} = '' OR service = {service:String})
    AND ({provider:String} = '' OR provider = {provider:String})
    AND ({model:String} = '' OR model = {model:String})
-- minutes
UNION ALL
SELECT 'minute' AS grain, project, slice AS at, priced_at, environment, service, feature, feature_source, tenant, user_id,
    provider, model, price_context, name_id, tier_start, basis, meter, counted, calls, failed_calls, uncached_tokens,
    cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, audio_input_tokens, image_input_tokens,
    answer_tokens, reasoning_tokens, audio_output_tokens, image_output_tokens, quantity, reported_cost_usd, duration_us,
    origin_id, retry, resends, estimated_calls, estimated_input_tokens, estimated_output_tokens
FROM spend_slices
WHERE (project = {project:String} OR {every_project:Bool})
    AND slice >= toDateTime({start:UInt32}, 'UTC') AND slice < toDateTime({to:UInt32}, 'UTC')
    AND counted IN ('yes', 'late')
    AND ({environment:String} = '' OR environment = {environment:String})
    AND ({service:String} = '' OR service = {service:String})
    AND ({provider:String} = '' OR provider = {provider:String})
    AND ({model:String} = '' OR model = {model:String})
)
-- end of minutes
