-- Sums times rates: what every report, chart and verdict reads. Prices are applied here, at read, so a new price shows
-- everywhere at once and history is never rewritten. cost_usd is NULL where it is not known, and a part
-- of it where only a part of the usage is; unpriced_reason says why.
-- A query must fix `grain`, for each grain holds the whole bill; 'minute' is the ledger itself.
CREATE OR REPLACE VIEW spend AS
WITH toDecimal128(0, 15) AS zero
SELECT
    s.grain AS grain, s.project AS project, s.at AS at, s.priced_at AS priced_at, s.environment AS environment,
    s.service AS service, s.feature AS feature, s.feature_source AS feature_source, s.tenant AS tenant, s.user_id AS user_id,
    s.provider AS provider, s.model AS model, s.price_context AS price_context, s.name_id AS name_id,
    s.tier_start AS tier_start,
    s.basis AS basis, s.meter AS meter, s.counted AS counted, s.calls AS calls, s.failed_calls AS failed_calls,
    s.uncached_tokens AS uncached_tokens, s.cache_read_tokens AS cache_read_tokens,
    s.cache_write_5m_tokens AS cache_write_5m_tokens, s.cache_write_1h_tokens AS cache_write_1h_tokens,
    s.audio_input_tokens AS audio_input_tokens,
    s.image_input_tokens AS image_input_tokens, s.answer_tokens AS answer_tokens,
    s.reasoning_tokens AS reasoning_tokens, s.audio_output_tokens AS audio_output_tokens,
    s.image_output_tokens AS image_output_tokens,
    s.quantity AS quantity, s.reported_cost_usd AS reported_cost_usd, s.duration_us AS duration_us,
    s.uncached_tokens + s.cache_read_tokens + s.cache_write_5m_tokens + s.cache_write_1h_tokens + s.audio_input_tokens + s.image_input_tokens AS input_tokens,
    s.answer_tokens + s.reasoning_tokens + s.audio_output_tokens + s.image_output_tokens AS output_tokens,
    -- A contract of the project, else one for all projects, else the book. One that has ended counts for nothing.
    multiIf(p.valid_to > s.priced_at, 'project', a.valid_to > s.priced_at, 'override', r.book_version) AS price_source,
    multiIf(p.valid_to > s.priced_at, p.rate, a.valid_to > s.priced_at, a.rate, r.rate) AS rate_used,
    multiIf(p.valid_to > s.priced_at, p.meter_usd, a.valid_to > s.priced_at, a.meter_usd, r.meter_usd) AS meter_usd_used,
    multiIf(
        s.basis = 'reported', s.reported_cost_usd,
        s.basis = 'refused', zero,
        s.basis NOT IN ('usage', 'partial'), NULL,
        s.meter != '', if(mapContains(meter_usd_used, s.meter), CAST(s.quantity * meter_usd_used[s.meter] AS Decimal(38, 15)), NULL),
        price_source = '', NULL,
        if(s.uncached_tokens = 0, zero, s.uncached_tokens * rate_used.uncached) +
        if(s.cache_read_tokens = 0, zero, s.cache_read_tokens * rate_used.cache_read) +
        if(s.cache_write_5m_tokens = 0, zero, s.cache_write_5m_tokens * rate_used.cache_write_5m) +
        if(s.cache_write_1h_tokens = 0, zero, s.cache_write_1h_tokens * rate_used.cache_write_1h) +
        if(s.audio_input_tokens = 0, zero, s.audio_input_tokens * rate_used.audio_input) +
        if(s.image_input_tokens = 0, zero, s.image_input_tokens * rate_used.image_input) +
        if(s.answer_tokens = 0, zero, s.answer_tokens * rate_used.answer) +
        if(s.reasoning_tokens = 0, zero, s.reasoning_tokens * rate_used.reasoning) +
        if(s.audio_output_tokens = 0, zero, s.audio_output_tokens * rate_used.audio_output) +
        if(s.image_output_tokens = 0, zero, s.image_output_tokens * rate_used.image_output) +
        s.calls * ifNull(rate_used.request, zero)) AS cost_usd,
    multiIf(
        cost_usd IS NOT NULL, if(s.basis = 'partial' AND s.meter = '', 'part of the usage is missing', ''),
        s.basis = 'unknown', 'no usage reported',
        price_source = '', 'model not in the price book',
        s.meter != '', 'no rate for the meter',
        'no rate for a kind of token') AS unpriced_reason
FROM
(
    SELECT grain, project, at, priced_at, environment, service, feature, feature_source,
        tenant, user_id, provider, model, price_context, name_id, tier_start, basis,
        meter, counted, calls, failed_calls, uncached_tokens, cache_read_tokens, cache_write_5m_tokens,
        cache_write_1h_tokens,
        audio_input_tokens, image_input_tokens, answer_tokens, reasoning_tokens, audio_output_tokens,
        image_output_tokens, quantity, reported_cost_usd,
        duration_us
    FROM spend_cubes
    UNION ALL
    SELECT 'minute' AS grain, project, slice AS at, priced_at, environment, service, feature, feature_source,
        tenant, user_id, provider, model, price_context, name_id, tier_start, basis,
        meter, counted, calls, failed_calls, uncached_tokens, cache_read_tokens, cache_write_5m_tokens,
        cache_write_1h_tokens,
        audio_input_tokens, image_input_tokens, answer_tokens, reasoning_tokens, audio_output_tokens,
        image_output_tokens, quantity, reported_cost_usd,
        duration_us
    FROM spend_slices
) AS s
ASOF LEFT JOIN (SELECT * FROM override_rates WHERE project != '') AS p
    ON p.project = s.project AND p.name_id = s.name_id AND s.priced_at >= p.valid_from
ASOF LEFT JOIN (SELECT * FROM override_rates WHERE project = '') AS a
    ON a.name_id = s.name_id AND s.priced_at >= a.valid_from
ASOF LEFT JOIN rates AS r
    ON r.name_id = s.name_id AND r.tier_start = s.tier_start
    AND r.day_start = toUInt32(s.priced_at - toStartOfDay(s.priced_at)) AND s.priced_at >= r.valid_from
