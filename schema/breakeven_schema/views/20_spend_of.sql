-- Sums times rates: what every report, chart and verdict reads. Prices are applied here, at read, so a new price shows
-- everywhere at once and history is never rewritten; so are mapping rules, aliases and owners. `spend` is this with the
-- active book; spend_of(book='…') prices the same calls with another one.
--   cost_usd       what is known: reported, or usage × rate; NULL where it is not known, and a part of it where only a
--                  part of the usage is (unpriced_reason says why). Never an estimate.
--   estimated_usd  what the usage that nobody reported is estimated to cost; beside cost_usd, not in it
--   avoided_usd    what answers from a gateway's own cache would have cost
-- A query must fix `grain`, for each grain holds the whole bill; 'minute' is the ledger itself.
CREATE OR REPLACE VIEW spend_of AS
WITH toDecimal128(0, 15) AS zero
SELECT
    p.grain AS grain, p.project AS project, p.at AS at, p.priced_at AS priced_at, p.environment AS environment,
    p.service AS service, part.1 AS feature, part.2 AS feature_source, part.4 AS owner, part.5 AS cost_centre,
    part.6 AS cost_class, p.feature AS recorded_feature, p.origin_id AS origin_id,
    p.tenant AS tenant, p.user_id AS user_id, p.provider AS provider, p.model AS model, p.price_context AS price_context,
    p.name_id AS name_id, p.tier_start AS tier_start, p.basis AS basis, p.meter AS meter, p.counted AS counted, p.retry AS retry,
    -- A split gives each part its share, and all parts together the whole to the last digit: the share up to here, less
    -- the share before. Counts are whole; a hash of the row draws which part gets an odd one, so that none is favoured.
    part.3 = 1 AS whole,
    share_to - part.3 AS share_from,
    toDecimal128(cityHash64(p.feature, p.at, p.name_id, p.tenant, p.user_id, p.service) % 1000000, 0) / 1000000 AS odd,
    arrayMap(n -> if(whole, n, toInt64(floor(n * share_to + odd)) - toInt64(floor(n * share_from + odd))), p.counts) AS counts,
    counts[1] AS calls, counts[2] AS failed_calls, counts[3] AS resends, counts[4] AS estimated_calls,
    counts[5] AS uncached_tokens, counts[6] AS cache_read_tokens, counts[7] AS cache_write_5m_tokens,
    counts[8] AS cache_write_1h_tokens, counts[9] AS audio_input_tokens, counts[10] AS image_input_tokens,
    counts[11] AS answer_tokens, counts[12] AS reasoning_tokens, counts[13] AS audio_output_tokens,
    counts[14] AS image_output_tokens, counts[15] AS duration_us,
    uncached_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens + audio_input_tokens + image_input_tokens AS input_tokens,
    answer_tokens + reasoning_tokens + audio_output_tokens + image_output_tokens AS output_tokens,
    arrayMap(d -> if(whole, d, CAST(CAST(d AS Nullable(Decimal(76, 15))) * share_to AS Nullable(Decimal(38, 15)))
        - CAST(CAST(d AS Nullable(Decimal(76, 15))) * share_from AS Nullable(Decimal(38, 15)))), p.dollars) AS dollars,
    dollars[1] AS cost_usd, dollars[2] AS estimated_usd, dollars[3] AS avoided_usd, dollars[4] AS reported_cost_usd,
    CAST(dollars[5] AS Decimal(38, 6)) AS quantity,
    p.price_source AS price_source, p.unpriced_reason AS unpriced_reason
FROM
(
    -- By recorded feature: priced.
    SELECT
        s.grain AS grain, s.project AS project, s.at AS at, s.priced_at AS priced_at, s.environment AS environment,
        s.service AS service, s.feature AS feature, s.feature_source AS feature_source, s.origin_id AS origin_id,
        s.tenant AS tenant, s.user_id AS user_id, s.provider AS provider, s.model AS model, s.price_context AS price_context,
        s.name_id AS name_id, s.tier_start AS tier_start, s.basis AS basis, s.meter AS meter, s.counted AS counted, s.retry AS retry,
        [s.calls, s.failed_calls, s.resends, s.estimated_calls, s.uncached_tokens, s.cache_read_tokens, s.cache_write_5m_tokens,
            s.cache_write_1h_tokens, s.audio_input_tokens, s.image_input_tokens, s.answer_tokens, s.reasoning_tokens,
            s.audio_output_tokens, s.image_output_tokens, s.duration_us] AS counts,
        -- A contract of the project, else one for all projects, else the book. One that has ended counts for nothing.
        multiIf(o.valid_to > s.priced_at, 'project', a.valid_to > s.priced_at, 'override', r.book_version) AS price_source,
        -- A contract has rates of its own, or takes something off the book's.
        multiIf(price_source = 'project', o.book_factor, price_source = 'override', a.book_factor, NULL) AS book_factor,
        multiIf(book_factor IS NOT NULL, r.rate, price_source = 'project', o.rate, price_source = 'override', a.rate, r.rate) AS rate_used,
        multiIf(book_factor IS NOT NULL, r.meter_usd, price_source = 'project', o.meter_usd, price_source = 'override', a.meter_usd, r.meter_usd) AS meter_usd_used,
        if(price_source = '' OR (book_factor IS NOT NULL AND r.book_version = ''), NULL, CAST(ifNull(book_factor, 1) AS Decimal(38, 12))) AS factor,
        CAST(factor * multiIf(
            s.meter != '', if(mapContains(meter_usd_used, s.meter), CAST(s.quantity * meter_usd_used[s.meter] AS Nullable(Decimal(38, 15))), NULL),
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
            s.calls * ifNull(rate_used.request, zero)) AS Nullable(Decimal(38, 15))) AS usage_usd,
        multiIf(s.basis = 'reported', s.reported_cost_usd, s.basis IN ('refused', 'gateway_cache'), zero,
            s.basis IN ('usage', 'partial'), usage_usd, NULL) AS cost_usd,
        -- Tokens that nobody reported: counted in the messages and corrected by what calls of the kind teach, else as many
        -- as a call of the kind usually takes.
        s.basis IN ('unknown', 'lost') AND s.meter = '' AS without_usage,
        s.estimated_input_tokens * if(t.input_ratio = 0, 1, t.input_ratio)
            + if(without_usage AND s.calls != s.estimated_calls, (s.calls - s.estimated_calls) * t.typical_input_tokens, 0) AS missing_input_tokens,
        s.estimated_output_tokens * if(t.output_ratio = 0, 1, t.output_ratio)
            + if(without_usage AND s.calls != s.estimated_calls, (s.calls - s.estimated_calls) * t.typical_output_tokens, 0) AS missing_output_tokens,
        if(without_usage OR s.estimated_calls != 0,
            CAST(factor * (missing_input_tokens * rate_used.uncached + missing_output_tokens * rate_used.answer
                + if(without_usage, s.calls * ifNull(rate_used.request, zero), 0)) AS Nullable(Decimal(38, 15))), NULL) AS estimated_usd,
        [cost_usd, estimated_usd, if(s.basis = 'gateway_cache', usage_usd, NULL), CAST(s.reported_cost_usd AS Nullable(Decimal(38, 15))),
            CAST(s.quantity AS Nullable(Decimal(38, 15)))] AS dollars,
        multiIf(
            cost_usd IS NOT NULL, if(s.basis = 'partial' AND s.meter = '', 'part of the usage is missing', ''),
            s.basis = 'lost', 'lost after it was sent',
            s.basis = 'unknown', 'no usage reported',
            price_source = '' OR factor IS NULL, 'model not in the price book',
            s.meter != '', 'no rate for the meter',
            'no rate for a kind of token') AS unpriced_reason
    FROM
    (
        SELECT grain, project, at, priced_at, environment, service, feature, feature_source,
            tenant, user_id, provider, model, price_context, name_id, tier_start, basis,
            meter, counted, calls, failed_calls, uncached_tokens, cache_read_tokens, cache_write_5m_tokens,
            cache_write_1h_tokens, audio_input_tokens, image_input_tokens, answer_tokens, reasoning_tokens,
            audio_output_tokens, image_output_tokens, quantity, reported_cost_usd, duration_us,
            origin_id, retry, resends, estimated_calls, estimated_input_tokens, estimated_output_tokens
        FROM spend_cubes
        UNION ALL
        SELECT 'minute' AS grain, project, slice AS at, priced_at, environment, service, feature, feature_source,
            tenant, user_id, provider, model, price_context, name_id, tier_start, basis,
            meter, counted, calls, failed_calls, uncached_tokens, cache_read_tokens, cache_write_5m_tokens,
            cache_write_1h_tokens, audio_input_tokens, image_input_tokens, answer_tokens, reasoning_tokens,
            audio_output_tokens, image_output_tokens, quantity, reported_cost_usd, duration_us,
            origin_id, retry, resends, estimated_calls, estimated_input_tokens, estimated_output_tokens
        FROM spend_slices
    ) AS s
    ASOF LEFT JOIN (SELECT * FROM override_rates WHERE project != '') AS o
        ON o.project = s.project AND o.name_id = s.name_id AND s.priced_at >= o.valid_from
    ASOF LEFT JOIN (SELECT * FROM override_rates WHERE project = '') AS a
        ON a.name_id = s.name_id AND s.priced_at >= a.valid_from
    ASOF LEFT JOIN rates_of(book={book:String}) AS r
        ON r.name_id = s.name_id AND r.tier_start = s.tier_start
        AND r.day_start = toUInt32(s.priced_at - toStartOfDay(s.priced_at)) AND s.priced_at >= r.valid_from
    LEFT ANY JOIN (SELECT * FROM token_ratios FINAL) AS t
        ON t.project = s.project AND t.feature = s.feature AND t.name_id = s.name_id
) AS p
ASOF LEFT JOIN attributions_now AS w
    ON w.project = p.project AND w.feature = p.feature AND w.feature_source = p.feature_source
    AND w.origin_id = p.origin_id AND w.environment = p.environment AND p.priced_at >= w.valid_from
LEFT ARRAY JOIN
    if(empty(w.parts), [(toString(p.feature), toString(p.feature_source), CAST(1 AS Decimal(38, 12)), '', '', '')], w.parts) AS part,
    arrayCumSum(x -> x.3, if(empty(w.parts), [('', '', CAST(1 AS Decimal(38, 12)), '', '', '')], w.parts)) AS share_to
