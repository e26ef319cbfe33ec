-- The rates of self-hosted models a day, from `since` up to the moment `now`: hours × GPUs × USD for a GPU-hour, divided by
-- all tokens that the entry's names served. Calls whose cost was reported are priced by that and left out.
INSERT INTO amortised_rates (entry_id, day, hours, cost_usd, tokens, usd_per_token, computed_at)
WITH
    toDateTime({now:UInt32}, 'UTC') AS moment,
    entries AS
    (
        SELECT entry_id, project, provider, model, gpu_hour_usd, gpus,
            arrayJoin(arrayMap(n -> toDate(greatest(toDate(valid_from), toDate({since:String}))) + n,
                range(toUInt32(greatest(0, dateDiff('day', greatest(toDate(valid_from), toDate({since:String})), toDate(least(valid_to, moment + INTERVAL 1 DAY)))))))) AS day
        FROM price_override FINAL
        WHERE gpu_hour_usd IS NOT NULL AND NOT removed
    ),
    loads AS
    (
        SELECT e.entry_id AS entry_id, toDate(s.at) AS day,
            sum(s.uncached_tokens + s.cache_read_tokens + s.cache_write_5m_tokens + s.cache_write_1h_tokens + s.audio_input_tokens
                + s.image_input_tokens + s.answer_tokens + s.reasoning_tokens + s.audio_output_tokens + s.image_output_tokens) AS tokens
        FROM (SELECT DISTINCT entry_id, project, provider, model FROM entries) AS e
        CROSS JOIN (SELECT provider, model, name_id, book_provider, book_model FROM model_names FINAL) AS n
        INNER JOIN spend_cubes AS s ON s.name_id = n.name_id
        WHERE e.provider IN ('', n.provider, n.book_provider) AND e.model IN (n.model, n.book_model)
            AND s.grain = 'day' AND s.counted IN ('yes', 'late') AND s.meter = '' AND s.basis IN ('usage', 'partial')
            AND e.project IN ('', s.project)
        GROUP BY entry_id, day
    )
SELECT
    e.entry_id AS entry_id, e.day AS day,
    toDecimal32(least(86400, dateDiff('second', toDateTime(e.day, 'UTC'), moment)), 4) / 3600 AS hours,
    CAST(assumeNotNull(e.gpu_hour_usd) * e.gpus * hours AS Decimal(38, 15)) AS cost_usd,
    toUInt64(greatest(0, l.tokens)) AS tokens,
    if(tokens = 0, NULL, cost_usd / tokens) AS usd_per_token,
    now64(6) AS computed_at
FROM entries AS e
LEFT JOIN loads AS l ON l.entry_id = e.entry_id AND l.day = e.day
