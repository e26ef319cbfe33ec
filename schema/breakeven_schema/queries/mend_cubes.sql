-- Make the cubes of a month equal to its ledger again, by adding the difference. Rows without a difference are added where
-- the cubes have not got the ledger's last pass: the numbers must meet.
INSERT INTO spend_cubes (grain, project, at, priced_at, environment, service, feature, feature_source, tenant,
    user_id, provider, model, price_context, name_id, tier_start, basis, meter, counted,
    calls, failed_calls, uncached_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
    audio_input_tokens, image_input_tokens, answer_tokens,
    reasoning_tokens, audio_output_tokens, image_output_tokens, quantity, reported_cost_usd, duration_us, pass,
    origin_id, retry, resends, estimated_calls, estimated_input_tokens, estimated_output_tokens)
SELECT
    key.1 AS grain, key.2 AS project, key.3 AS at, key.4 AS priced_at, key.5 AS environment, key.6 AS service,
    key.7 AS feature, key.8 AS feature_source, key.9 AS tenant, key.10 AS user_id, key.11 AS provider, key.12 AS model,
    key.13 AS price_context, key.14 AS name_id, key.15 AS tier_start, key.16 AS basis, key.17 AS meter, key.18 AS counted,
    sum(t.calls) AS calls, sum(t.failed_calls) AS failed_calls, sum(t.uncached_tokens) AS uncached_tokens,
    sum(t.cache_read_tokens) AS cache_read_tokens,
    sum(t.cache_write_5m_tokens) AS cache_write_5m_tokens, sum(t.cache_write_1h_tokens) AS cache_write_1h_tokens,
    sum(t.audio_input_tokens) AS audio_input_tokens, sum(t.image_input_tokens) AS image_input_tokens,
    sum(t.answer_tokens) AS answer_tokens, sum(t.reasoning_tokens) AS reasoning_tokens,
    sum(t.audio_output_tokens) AS audio_output_tokens, sum(t.image_output_tokens) AS image_output_tokens,
    sum(t.quantity) AS quantity, sum(t.reported_cost_usd) AS reported_cost_usd, sum(t.duration_us) AS duration_us,
    max(t.ledger_pass) AS pass,
    key.19 AS origin_id, key.20 AS retry, sum(t.resends) AS resends, sum(t.estimated_calls) AS estimated_calls,
    sum(t.estimated_input_tokens) AS estimated_input_tokens, sum(t.estimated_output_tokens) AS estimated_output_tokens
FROM
(
    SELECT
        tuple(
                grain,
                project,
                if(grain = 'quarter_hour', toStartOfFifteenMinutes(slice), toStartOfDay(slice)),
                priced_at,
                if(grain IN ('quarter_hour', 'day'), environment, ''),
                if(grain IN ('quarter_hour', 'day'), service, ''),
                feature,
                feature_source,
                if(grain = 'tenant_day', tenant, ''),
                if(grain = 'user_day', user_id, ''),
                provider, model, price_context, name_id, tier_start, basis, meter, counted, origin_id, retry) AS key,
        calls, failed_calls, uncached_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
        audio_input_tokens, image_input_tokens,
        answer_tokens, reasoning_tokens, audio_output_tokens, image_output_tokens, quantity, reported_cost_usd,
        duration_us, pass AS ledger_pass, 0 AS cube_pass, resends, estimated_calls, estimated_input_tokens, estimated_output_tokens
    FROM spend_slices
    ARRAY JOIN ['quarter_hour', 'day', 'tenant_day', 'user_day'] AS grain
    WHERE toYYYYMM(slice) = {month:UInt32}
    UNION ALL
    SELECT
        tuple(grain, project, at, priced_at, environment, service, feature, feature_source, tenant,
            user_id, provider, model, price_context, name_id, tier_start, basis, meter, counted, origin_id, retry) AS key,
        -calls, -failed_calls, -uncached_tokens, -cache_read_tokens, -cache_write_5m_tokens, -cache_write_1h_tokens,
        -audio_input_tokens, -image_input_tokens,
        -answer_tokens, -reasoning_tokens, -audio_output_tokens, -image_output_tokens, -quantity, -reported_cost_usd,
        -duration_us, 0 AS ledger_pass, pass AS cube_pass, -resends, -estimated_calls, -estimated_input_tokens, -estimated_output_tokens
    FROM spend_cubes
    WHERE toYYYYMM(at) = {month:UInt32}
) AS t
GROUP BY key
HAVING max(t.ledger_pass) > max(t.cube_pass)
    OR calls != 0 OR failed_calls != 0 OR uncached_tokens != 0 OR cache_read_tokens != 0 OR cache_write_5m_tokens != 0 OR cache_write_1h_tokens != 0 OR audio_input_tokens != 0 OR image_input_tokens != 0
    OR answer_tokens != 0 OR reasoning_tokens != 0 OR audio_output_tokens != 0 OR image_output_tokens != 0 OR quantity != 0 OR reported_cost_usd != 0 OR duration_us != 0
    OR resends != 0 OR estimated_calls != 0 OR estimated_input_tokens != 0 OR estimated_output_tokens != 0
