-- Every row of the ledger at four grains. One view and one key, as a tuple: each view and each key costs time in planning
-- every pass.
CREATE MATERIALIZED VIEW IF NOT EXISTS spend_cubes_of_slices TO spend_cubes AS
SELECT
    key.1 AS grain, key.2 AS project, key.3 AS at, key.4 AS priced_at, key.5 AS environment, key.6 AS service,
    key.7 AS feature, key.8 AS feature_source, key.9 AS tenant, key.10 AS user_id, key.11 AS provider, key.12 AS model,
    key.13 AS price_context, key.14 AS name_id, key.15 AS tier_start, key.16 AS basis, key.17 AS meter, key.18 AS counted,
    sum(l.calls) AS calls, sum(l.failed_calls) AS failed_calls, sum(l.uncached_tokens) AS uncached_tokens,
    sum(l.cache_read_tokens) AS cache_read_tokens,
    sum(l.cache_write_5m_tokens) AS cache_write_5m_tokens, sum(l.cache_write_1h_tokens) AS cache_write_1h_tokens,
    sum(l.audio_input_tokens) AS audio_input_tokens, sum(l.image_input_tokens) AS image_input_tokens,
    sum(l.answer_tokens) AS answer_tokens, sum(l.reasoning_tokens) AS reasoning_tokens,
    sum(l.audio_output_tokens) AS audio_output_tokens, sum(l.image_output_tokens) AS image_output_tokens,
    sum(l.quantity) AS quantity, sum(l.reported_cost_usd) AS reported_cost_usd, sum(l.duration_us) AS duration_us,
    max(l.pass) AS pass,
    key.19 AS origin_id, key.20 AS retry, sum(l.resends) AS resends, sum(l.estimated_calls) AS estimated_calls,
    sum(l.estimated_input_tokens) AS estimated_input_tokens, sum(l.estimated_output_tokens) AS estimated_output_tokens
FROM
(
    SELECT *,
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
            provider, model, price_context, name_id, tier_start, basis, meter, counted, origin_id, retry) AS key
    FROM spend_slices
    ARRAY JOIN ['quarter_hour', 'day', 'tenant_day', 'user_day'] AS grain
) AS l
GROUP BY key
