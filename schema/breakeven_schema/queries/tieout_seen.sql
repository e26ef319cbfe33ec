-- What calls told, by UTC day, as the report has it: dollars and quantities. Answers that no provider gave have no quantity.
SELECT
    s.project AS project, toDate(s.at) AS day, toString(s.provider) AS provider, toString(s.model) AS model,
    toString(s.price_context) AS price_context, toString(s.meter) AS meter, toString(s.feature) AS feature,
    toString(o.provider_key) AS provider_key, toString(o.provider_project) AS provider_project,
    sum(s.cost_usd) AS cost_usd,
    s.basis IN ('usage', 'reported', 'partial') AS used,
    sumIf(s.uncached_tokens, used) AS uncached_tokens, sumIf(s.cache_read_tokens, used) AS cache_read_tokens,
    sumIf(s.cache_write_5m_tokens, used) AS cache_write_5m_tokens,
    sumIf(s.cache_write_1h_tokens, used) AS cache_write_1h_tokens,
    sumIf(s.audio_input_tokens, used) AS audio_input_tokens, sumIf(s.image_input_tokens, used) AS image_input_tokens,
    sumIf(s.answer_tokens + s.reasoning_tokens + s.image_output_tokens, used) AS output_tokens,
    sumIf(s.audio_output_tokens, used) AS audio_output_tokens, sumIf(s.calls, used) AS requests,
    sum(s.quantity) AS quantity,
    any(r.usd) AS rates
FROM (SELECT * FROM spend
    WHERE grain = 'day' AND counted IN ('yes', 'late') AND (project = {project:String} OR {every_project:Bool})
        AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC')) AS s
LEFT ANY JOIN
(
    SELECT DISTINCT project, origin_id, provider_key, provider_project FROM origins
    WHERE provider_key != '' OR provider_project != ''
) AS o ON o.project = s.project AND o.origin_id = s.origin_id
LEFT JOIN
(
    SELECT * FROM usage_rates
    WHERE day >= toDateTime({from:UInt32}, 'UTC') AND day < toDateTime({to:UInt32}, 'UTC')
) AS r ON r.project = s.project AND r.name_id = s.name_id AND r.day = s.at
GROUP BY project, day, provider, model, price_context, meter, feature, provider_key, provider_project, used
