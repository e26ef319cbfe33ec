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
    -- A split gives each part its share, unrounded: the parts add up to the whole however rows are merged. Counts are
    -- decimals therefore, and whole numbers wherever nothing is split.
    part.3 AS weight,
    arrayMap(n -> if(weight = 1, CAST(n AS Decimal(38, 12)), n * weight), p.counts) AS counts,
    counts[1] AS calls, counts[2] AS failed_calls, counts[3] AS resends, counts[4] AS estimated_calls,
    counts[5] AS uncached_tokens, counts[6] AS cache_read_tokens, counts[7] AS cache_write_5m_tokens,
    counts[8] AS cache_write_1h_tokens, counts[9] AS audio_input_tokens, counts[10] AS image_input_tokens,
    counts[11] AS answer_tokens, counts[12] AS reasoning_tokens, counts[13] AS audio_output_tokens,
    counts[14] AS image_output_tokens, counts[15] AS duration_us,
    uncached_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens + audio_input_tokens + image_input_tokens AS input_tokens,
    answer_tokens + reasoning_tokens + audio_output_tokens + image_output_tokens AS output_tokens,
    arrayMap(d -> if(weight = 1, CAST(d AS Nullable(Decimal(38, 27))), d * weight), p.dollars) AS dollars,
    dollars[1] AS cost_usd, dollars[2] AS estimated_usd, dollars[3] AS avoided_usd, dollars[4] AS reported_cost_usd,
    if(weight = 1, CAST(p.quantity AS Decimal(38, 18)), p.quantity * weight) AS quantity,
    p.price_source AS price_source, p.unpriced_reason AS unpriced_reason
FROM
(
    -- By recorded feature: dollars.
    SELECT
        grain, project, at, priced_at, environment, service, feature, feature_source, origin_id, tenant, user_id,
        provider, model, price_context, name_id, tier_start, basis, meter, counted, retry, counts, price_source,
        multiIf(basis = 'reported', reported_cost_usd, basis IN ('refused', 'gateway_cache'), zero,
            basis IN ('usage', 'partial'), usage_usd, NULL) AS cost_usd,
        [cost_usd,
            if(without_usage OR estimated_calls != 0, CAST(factor * (missing_input_tokens * rate.uncached
                + missing_output_tokens * rate.answer + if(without_usage, calls * ifNull(rate.request, zero), 0)) AS Nullable(Decimal(38, 15))), NULL),
            if(basis = 'gateway_cache', usage_usd, NULL),
            CAST(reported_cost_usd AS Nullable(Decimal(38, 15)))] AS dollars,
        quantity,
        multiIf(
            cost_usd IS NOT NULL, if(basis = 'partial' AND meter = '', 'part of the usage is missing', ''),
            basis = 'lost', 'lost after it was sent',
            basis = 'unknown', 'no usage reported',
            factor IS NULL, 'model not in the price book',
            meter != '', 'no rate for the meter',
            'no rate for a kind of token') AS unpriced_reason
    FROM
    (
        -- Sums times rates.
        SELECT *,
            [calls, failed_calls, resends, estimated_calls, uncached_tokens, cache_read_tokens, cache_write_5m_tokens,
                cache_write_1h_tokens, audio_input_tokens, image_input_tokens, answer_tokens, reasoning_tokens,
                audio_output_tokens, image_output_tokens, duration_us] AS counts,
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
            -- Tokens that nobody reported: counted in the messages and corrected by what calls of the kind teach, else as
            -- many as a call of the kind usually takes.
            basis IN ('unknown', 'lost') AND meter = '' AS without_usage,
            if(without_usage, calls - estimated_calls, 0) AS calls_without_estimate,
            estimated_input_tokens * if(input_ratio = 0, 1, input_ratio)
                + if(calls_without_estimate = 0, 0, calls_without_estimate * typical_input_tokens) AS missing_input_tokens,
            estimated_output_tokens * if(output_ratio = 0, 1, output_ratio)
                + if(calls_without_estimate = 0, 0, calls_without_estimate * typical_output_tokens) AS missing_output_tokens
        FROM
        (
            -- A contract has rates of its own, or takes something off the book's.
            SELECT * EXCEPT (contract_rate, contract_meter_usd, book_rate, book_meter_usd, contract_factor, book_version),
                contract != '' AND contract_factor IS NULL AS own_rates,
                if(own_rates, contract_rate, book_rate) AS rate,
                if(own_rates, contract_meter_usd, book_meter_usd) AS meter_usd,
                if(contract != '', contract, book_version) AS price_source,
                if(NOT own_rates AND book_version = '', NULL, CAST(ifNull(contract_factor, 1) AS Decimal(38, 12))) AS factor
            FROM
            (
                -- A contract of the project, else one for all projects, else the book. One that has ended counts for nothing.
                SELECT
                    s.* EXCEPT (project, feature, name_id, tier_start),
                    s.project AS project, s.feature AS feature, s.name_id AS name_id, s.tier_start AS tier_start,
                    o.valid_to > s.priced_at AS of_project,
                    multiIf(of_project, if(o.amortised, 'amortised', 'project'),
                        a.valid_to > s.priced_at, if(a.amortised, 'amortised', 'override'), '') AS contract,
                    multiIf(of_project, o.book_factor, contract != '', a.book_factor, NULL) AS contract_factor,
                    if(of_project, o.rate, a.rate) AS contract_rate,
                    if(of_project, o.meter_usd, a.meter_usd) AS contract_meter_usd,
                    r.book_version AS book_version, r.rate AS book_rate, r.meter_usd AS book_meter_usd,
                    t.input_ratio AS input_ratio, t.output_ratio AS output_ratio,
                    t.typical_input_tokens AS typical_input_tokens, t.typical_output_tokens AS typical_output_tokens
                FROM
                -- rows: the report prices sums of them instead (queries/report_rows.sql)
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
                ASOF LEFT JOIN (SELECT * FROM override_rates WHERE project != '') AS o
                    ON o.project = s.project AND o.name_id = s.name_id AND s.priced_at >= o.valid_from
                ASOF LEFT JOIN (SELECT * FROM override_rates WHERE project = '') AS a
                    ON a.name_id = s.name_id AND s.priced_at >= a.valid_from
                ASOF LEFT JOIN rates_of(book={book:String}) AS r
                    ON r.name_id = s.name_id AND r.tier_start = s.tier_start
                    AND r.day_start = toUInt32(s.priced_at - toStartOfDay(s.priced_at)) AND s.priced_at >= r.valid_from
                LEFT ANY JOIN (SELECT * FROM token_ratios FINAL) AS t
                    ON t.project = s.project AND t.feature = s.feature AND t.name_id = s.name_id
            )
        )
    )
) AS p
ASOF LEFT JOIN attributions_now AS w
    ON w.project = p.project AND w.feature = p.feature AND w.feature_source = p.feature_source
    AND w.origin_id = p.origin_id AND w.environment = p.environment AND p.priced_at >= w.valid_from
-- Not worked out yet: as recorded.
LEFT ARRAY JOIN if(empty(w.parts), [(toString(p.feature), toString(p.feature_source), CAST(1 AS Decimal(38, 12)), '', '', '')], w.parts) AS part
