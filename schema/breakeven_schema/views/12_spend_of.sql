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
-- Few steps, for planning takes its time for every column of each.
SELECT
    p.grain AS grain, p.project AS project, p.at AS at, p.priced_at AS priced_at, p.environment AS environment,
    p.service AS service, part.1 AS feature, part.2 AS feature_source, part.4 AS owner, part.5 AS cost_centre,
    part.6 AS cost_class, p.feature AS recorded_feature, p.origin_id AS origin_id,
    p.tenant AS tenant, p.user_id AS user_id, p.provider AS provider, p.model AS model, p.price_context AS price_context,
    p.name_id AS name_id, p.tier_start AS tier_start, p.basis AS basis, p.meter AS meter, p.counted AS counted, p.retry AS retry,
    -- A split gives each part its share, unrounded: the parts add up to the whole however rows are merged. Counts are
    -- decimals therefore, and whole numbers wherever nothing is split.
    part.3 AS weight,
    p.calls * part.3 AS calls, p.failed_calls * part.3 AS failed_calls, p.resends * part.3 AS resends,
    p.estimated_calls * part.3 AS estimated_calls, p.uncached_tokens * part.3 AS uncached_tokens,
    p.cache_read_tokens * part.3 AS cache_read_tokens, p.cache_write_5m_tokens * part.3 AS cache_write_5m_tokens,
    p.cache_write_1h_tokens * part.3 AS cache_write_1h_tokens, p.audio_input_tokens * part.3 AS audio_input_tokens,
    p.image_input_tokens * part.3 AS image_input_tokens, p.answer_tokens * part.3 AS answer_tokens,
    p.reasoning_tokens * part.3 AS reasoning_tokens, p.audio_output_tokens * part.3 AS audio_output_tokens,
    p.image_output_tokens * part.3 AS image_output_tokens, p.duration_us * part.3 AS duration_us,
    p.input_tokens * part.3 AS input_tokens, p.output_tokens * part.3 AS output_tokens,
    p.cost_usd * part.3 AS cost_usd, p.estimated_usd * part.3 AS estimated_usd, p.avoided_usd * part.3 AS avoided_usd,
    p.reported_cost_usd * part.3 AS reported_cost_usd, p.quantity * part.3 AS quantity,
    p.price_source AS price_source,
    multiIf(
        p.cost_usd IS NOT NULL, if(p.basis = 'partial' AND p.meter = '', 'part of the usage is missing', ''),
        p.basis = 'lost', 'lost after it was sent',
        p.basis = 'unknown', 'no usage reported',
        p.factor IS NULL, 'model not in the price book',
        p.meter != '', 'no rate for the meter',
        'no rate for a kind of token') AS unpriced_reason
FROM
(
    -- By recorded feature: sums times rates, dollars.
    SELECT * EXCEPT (reported_cost_usd),
        CAST(factor * if(
            meter != '', if(mapContains(meter_usd, meter), CAST(quantity * meter_usd[meter] AS Nullable(Decimal(38, 15))), NULL),
            if(uncached_tokens = 0, zero, uncached_tokens * rate.uncached) +
            if(cache_read_tokens = 0, zero, cache_read_tokens * rate.cache_read) +
            if(cache_write_5m_tokens = 0, zero, cache_write_5m_tokens * rate.cache_write_5m) +
            if(cache_write_1h_tokens = 0, zero, cache_write_1h_tokens * rate.cache_write_1h) +
            if(audio_input_tokens = 0, zero, audio_input_tokens * rate.audio_input) +
            if(image_input_tokens = 0, zero, image_input_tokens * rate.image_input) +
            if(answer_tokens = 0, zero, answer_tokens * rate.answer) +
            if(reasoning_tokens = 0, zero, reasoning_tokens * rate.reasoning) +
            if(audio_output_tokens = 0, zero, audio_output_tokens * rate.audio_output) +
            if(image_output_tokens = 0, zero, image_output_tokens * rate.image_output) +
            calls * ifNull(rate.request, zero)) AS Nullable(Decimal(38, 15))) AS usage_usd,
        multiIf(basis = 'reported', s.reported_cost_usd, basis IN ('refused', 'gateway_cache'), zero,
            basis IN ('usage', 'partial'), usage_usd, NULL) AS cost_usd,
        if(basis = 'gateway_cache', usage_usd, NULL) AS avoided_usd,
        -- Tokens that nobody reported: counted in the messages and corrected by what calls of the kind teach, else as
        -- many as a call of the kind usually takes.
        if(without_usage OR estimated_calls != 0, CAST(factor * (
            (estimated_input_tokens * input_ratio + if(calls_without_estimate = 0, 0, calls_without_estimate * typical_input_tokens)) * rate.uncached
            + (estimated_output_tokens * output_ratio + if(calls_without_estimate = 0, 0, calls_without_estimate * typical_output_tokens)) * rate.answer
            + if(without_usage, calls * ifNull(rate.request, zero), 0)) AS Nullable(Decimal(38, 15))), NULL) AS estimated_usd,
        CAST(s.reported_cost_usd AS Nullable(Decimal(38, 15))) AS reported_cost_usd
    FROM
    (
        -- A contract of the project, else one for all projects, else the book. One that has ended counts for nothing.
        SELECT
            s.* EXCEPT (project, feature, name_id, tier_start),
            s.project AS project, s.feature AS feature, s.name_id AS name_id, s.tier_start AS tier_start,
            s.uncached_tokens + s.cache_read_tokens + s.cache_write_5m_tokens + s.cache_write_1h_tokens
                + s.audio_input_tokens + s.image_input_tokens AS input_tokens,
            s.answer_tokens + s.reasoning_tokens + s.audio_output_tokens + s.image_output_tokens AS output_tokens,
            s.basis IN ('unknown', 'lost') AND s.meter = '' AS without_usage,
            if(without_usage, s.calls - s.estimated_calls, 0) AS calls_without_estimate,
            -- contracts: a report of a store that has none has these instead, and no joins with them:
            --   r.book_version AS price_source, r.rate AS rate, r.meter_usd AS meter_usd,
            --   CAST(if(r.book_version = '', NULL, 1) AS Nullable(Decimal(38, 12))) AS factor,
            o.valid_to > s.priced_at AS of_project,
            a.valid_to > s.priced_at AS of_all,
            multiIf(of_project, if(o.amortised, 'amortised', 'project'), of_all, if(a.amortised, 'amortised', 'override'),
                r.book_version) AS price_source,
            -- A contract has rates of its own, or takes something off the book's.
            multiIf(of_project AND o.book_factor IS NULL, o.rate,
                NOT of_project AND of_all AND a.book_factor IS NULL, a.rate, r.rate) AS rate,
            multiIf(of_project AND o.book_factor IS NULL, o.meter_usd,
                NOT of_project AND of_all AND a.book_factor IS NULL, a.meter_usd, r.meter_usd) AS meter_usd,
            CAST(multiIf(of_project AND o.book_factor IS NULL, 1, NOT of_project AND of_all AND a.book_factor IS NULL, 1,
                r.book_version = '', NULL, of_project, o.book_factor, of_all, a.book_factor, 1)
                AS Nullable(Decimal(38, 12))) AS factor,
            -- end of contracts
            if(t.input_ratio = 0, 1, t.input_ratio) AS input_ratio,
            if(t.output_ratio = 0, 1, t.output_ratio) AS output_ratio,
            t.typical_input_tokens AS typical_input_tokens, t.typical_output_tokens AS typical_output_tokens
        FROM
        -- rows: the report prices sums of them instead (queries/report_rows.sql), the page single calls (page_priced_rows.sql)
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
        )
        -- end of rows
        AS s
        -- joins with contracts
        ASOF LEFT JOIN (SELECT * FROM override_rates WHERE project != '') AS o
            ON o.project = s.project AND o.name_id = s.name_id AND s.priced_at >= o.valid_from
        ASOF LEFT JOIN (SELECT * FROM override_rates WHERE project = '') AS a
            ON a.name_id = s.name_id AND s.priced_at >= a.valid_from
        -- end of joins with contracts
        ASOF LEFT JOIN rates_of(book={book:String}) AS r
            ON r.name_id = s.name_id AND r.tier_start = s.tier_start
            AND r.day_start = toUInt32(s.priced_at - toStartOfDay(s.priced_at)) AND s.priced_at >= r.valid_from
        LEFT ANY JOIN (SELECT * FROM token_ratios FINAL) AS t
            ON t.project = s.project AND t.feature = s.feature AND t.name_id = s.name_id
    ) AS s
) AS p
ASOF LEFT JOIN attributions_now AS w
    ON w.project = p.project AND w.feature = p.feature AND w.feature_source = p.feature_source
    AND w.origin_id = p.origin_id AND w.environment = p.environment AND p.priced_at >= w.valid_from
-- Not worked out yet: as recorded.
LEFT ARRAY JOIN if(empty(w.parts), [(toString(p.feature), toString(p.feature_source), CAST(1 AS Decimal(38, 12)), '', '', '')], w.parts) AS part
