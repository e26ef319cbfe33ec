-- The rows of `spend` that a report is about, summed before they are priced: what the report puts together and what has
-- the same price, row by row. Whole UTC days come from the cube of days, what is left of days at the ends of a period from
-- a finer grain. Instead of each day stands the last change of any price or attribution before it (`since`).
SELECT
    '' AS grain, any(r.project) AS project, min(r.at) AS at, min(r.priced_at) AS priced_at,
    any(r.environment) AS environment, service, feature, any(r.feature_source) AS feature_source, tenant, user_id,
    any(r.provider) AS provider, any(r.model) AS model, any(r.price_context) AS price_context, name_id, tier_start,
    any(r.basis) AS basis, any(r.meter) AS meter, any(r.counted) AS counted,
    sum(r.calls) AS calls, sum(r.failed_calls) AS failed_calls, sum(r.uncached_tokens) AS uncached_tokens,
    sum(r.cache_read_tokens) AS cache_read_tokens, sum(r.cache_write_5m_tokens) AS cache_write_5m_tokens,
    sum(r.cache_write_1h_tokens) AS cache_write_1h_tokens, sum(r.audio_input_tokens) AS audio_input_tokens,
    sum(r.image_input_tokens) AS image_input_tokens, sum(r.answer_tokens) AS answer_tokens,
    sum(r.reasoning_tokens) AS reasoning_tokens, sum(r.audio_output_tokens) AS audio_output_tokens,
    sum(r.image_output_tokens) AS image_output_tokens, sum(r.quantity) AS quantity,
    sum(r.reported_cost_usd) AS reported_cost_usd, sum(r.duration_us) AS duration_us, sum(r.resends) AS resends,
    sum(r.estimated_calls) AS estimated_calls, sum(r.estimated_input_tokens) AS estimated_input_tokens,
    sum(r.estimated_output_tokens) AS estimated_output_tokens,
    origin_id, retry
FROM
(
    WITH
        -- Nothing else in `spend_of` depends on the time. An edge too many costs a few sums more.
        (
            SELECT arraySort(groupUniqArray(toUInt32(edge)))
            FROM
            (
                SELECT toDateTime(0, 'UTC') AS edge
                UNION ALL
                SELECT valid_from FROM price_book
                WHERE (book_version, price_id) IN (SELECT book_version, price_id FROM book_names)
                UNION ALL
                SELECT arrayJoin([valid_from, valid_to]) FROM price_override
                UNION ALL
                SELECT toDateTime(arrayJoin([day, day + 1]), 'UTC') FROM amortised_rates
                UNION ALL
                SELECT valid_from FROM attributions
            )
            WHERE edge < toDateTime({to:UInt32}, 'UTC')
        ) AS edges,
        -- A row is unpriced as a whole if it has tokens of a kind without a rate, so these must not meet others in a sum.
        (
            SELECT max(uncached_usd_per_token IS NULL), max(cache_read_usd_per_token IS NULL),
                max(cache_write_5m_usd_per_token IS NULL), max(cache_write_1h_usd_per_token IS NULL),
                max(audio_input_usd_per_token IS NULL), max(image_input_usd_per_token IS NULL),
                max(answer_usd_per_token IS NULL), max(reasoning_usd_per_token IS NULL),
                max(audio_output_usd_per_token IS NULL), max(image_output_usd_per_token IS NULL)
            FROM
            (
                SELECT uncached_usd_per_token, cache_read_usd_per_token, cache_write_5m_usd_per_token,
                    cache_write_1h_usd_per_token, audio_input_usd_per_token, image_input_usd_per_token,
                    answer_usd_per_token, reasoning_usd_per_token, audio_output_usd_per_token,
                    image_output_usd_per_token
                FROM price_book WHERE (book_version, price_id) IN (SELECT book_version, price_id FROM book_names)
                UNION ALL
                SELECT uncached_usd_per_token, cache_read_usd_per_token, cache_write_5m_usd_per_token,
                    cache_write_1h_usd_per_token, audio_input_usd_per_token, image_input_usd_per_token,
                    answer_usd_per_token, reasoning_usd_per_token, audio_output_usd_per_token,
                    image_output_usd_per_token
                FROM price_override WHERE book_factor IS NULL AND gpu_hour_usd IS NULL
            )
        ) AS lacks,
        -- By tenant and user it is of no matter which feature pays; only estimates are made feature by feature.
        ({person:String} != '') AND NOT (basis IN ('unknown', 'lost') OR estimated_calls != 0 OR estimated_input_tokens != 0 OR estimated_output_tokens != 0) AS featureless
    SELECT
        project, at, priced_at, provider, model, price_context, name_id, tier_start, basis, meter, counted,
        if({person:String} = 'tenant', tenant, '') AS tenant,
        if({person:String} = 'user_id', user_id, '') AS user_id,
        if({person:String} != '', '', environment) AS environment,
        if({person:String} != '', '', service) AS service,
        if(featureless, '', feature) AS feature,
        if({person:String} != '', '', feature_source) AS feature_source,
        if({person:String} != '', 0, origin_id) AS origin_id,
        if({person:String} != '', false, retry) AS retry,
        calls, failed_calls, uncached_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
        audio_input_tokens, image_input_tokens, answer_tokens, reasoning_tokens, audio_output_tokens,
        image_output_tokens, quantity, reported_cost_usd, duration_us, resends, estimated_calls,
        estimated_input_tokens, estimated_output_tokens,
        at >= toDateTime({start:UInt32}, 'UTC') AS current,
        -- of the period before only the whole is told
        multiIf(NOT current OR {bucket:String} = '', toDate(0), {bucket:String} = 'day', toDate(at, {timezone:String}),
            toStartOfMonth(at, {timezone:String})) AS bucket,
        roundDown(toUInt32(priced_at), edges) AS since,
        toUInt32(priced_at - toStartOfDay(priced_at)) AS day_start,
        (uncached_tokens != 0 AND lacks.1) * 1
            + (cache_read_tokens != 0 AND lacks.2) * 2
            + (cache_write_5m_tokens != 0 AND lacks.3) * 4
            + (cache_write_1h_tokens != 0 AND lacks.4) * 8
            + (audio_input_tokens != 0 AND lacks.5) * 16
            + (image_input_tokens != 0 AND lacks.6) * 32
            + (answer_tokens != 0 AND lacks.7) * 64
            + (reasoning_tokens != 0 AND lacks.8) * 128
            + (audio_output_tokens != 0 AND lacks.9) * 256
            + (image_output_tokens != 0 AND lacks.10) * 512 AS unpriced_kinds,
        -- One number for texts that have few values: as keys each of them costs as much as all numbers together.
        sipHash64(project) + 3 * sipHash64(environment) + 5 * sipHash64(feature_source) + 7 * sipHash64(basis)
            + 9 * sipHash64(meter) + 11 * sipHash64(counted) AS kind
    FROM
    -- both: reports that read no minutes leave out what stands between these marks
    (
        SELECT at, project, priced_at, environment, service, feature, feature_source, tenant, user_id, provider, model,
            price_context, name_id, tier_start, basis, meter, counted, retry, origin_id, calls, failed_calls,
            uncached_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, audio_input_tokens,
            image_input_tokens, answer_tokens, reasoning_tokens, audio_output_tokens, image_output_tokens, quantity,
            reported_cost_usd, duration_us, resends, estimated_calls, estimated_input_tokens, estimated_output_tokens
        FROM
    -- end of both
        spend_cubes
        WHERE (project = {project:String} OR {every_project:Bool})
            AND ((grain = {grain:String} AND (at >= toDateTime({whole_from:UInt32}, 'UTC') AND at < toDateTime({whole_to:UInt32}, 'UTC')
                    OR at >= toDateTime({earlier_whole_from:UInt32}, 'UTC') AND at < toDateTime({earlier_whole_to:UInt32}, 'UTC')))
                OR (grain = {part_grain:String} AND (at >= toDateTime({head_from:UInt32}, 'UTC') AND at < toDateTime({head_to:UInt32}, 'UTC')
                    OR at >= toDateTime({tail_from:UInt32}, 'UTC') AND at < toDateTime({tail_to:UInt32}, 'UTC')
                    OR at >= toDateTime({earlier_head_from:UInt32}, 'UTC') AND at < toDateTime({earlier_head_to:UInt32}, 'UTC')
                    OR at >= toDateTime({earlier_tail_from:UInt32}, 'UTC') AND at < toDateTime({earlier_tail_to:UInt32}, 'UTC'))))
    -- minutes
        UNION ALL
        SELECT slice AS at, project, priced_at, environment, service, feature, feature_source, tenant, user_id, provider, model,
            price_context, name_id, tier_start, basis, meter, counted, retry, origin_id, calls, failed_calls,
            uncached_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, audio_input_tokens,
            image_input_tokens, answer_tokens, reasoning_tokens, audio_output_tokens, image_output_tokens, quantity,
            reported_cost_usd, duration_us, resends, estimated_calls, estimated_input_tokens, estimated_output_tokens
        FROM spend_slices
        WHERE {part_grain:String} = 'minute' AND (project = {project:String} OR {every_project:Bool})
            AND (slice >= toDateTime({head_from:UInt32}, 'UTC') AND slice < toDateTime({head_to:UInt32}, 'UTC')
                OR slice >= toDateTime({tail_from:UInt32}, 'UTC') AND slice < toDateTime({tail_to:UInt32}, 'UTC')
                OR slice >= toDateTime({earlier_head_from:UInt32}, 'UTC') AND slice < toDateTime({earlier_head_to:UInt32}, 'UTC')
                OR slice >= toDateTime({earlier_tail_from:UInt32}, 'UTC') AND slice < toDateTime({earlier_tail_to:UInt32}, 'UTC'))
    )
    -- end of minutes
) AS r
GROUP BY bucket, current, since, day_start, service, feature, tenant, user_id, name_id, tier_start, kind, origin_id, retry,
    unpriced_kinds
