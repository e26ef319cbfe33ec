-- Own rates by the names on the spans, in stretches that do not overlap: where entries of one scope do, the one entered
-- last holds, and the other again after it. Where `book_factor` is not NULL, the book's rates times it stand for `rate`.
-- `amortised`: not a price but the cost of a self-hosted model's machines, spread over the day's tokens.
CREATE OR REPLACE VIEW override_rates AS
WITH
    'Tuple(uncached Nullable(Decimal(38, 15)), cache_read Nullable(Decimal(38, 15)), cache_write_5m Nullable(Decimal(38, 15)), cache_write_1h Nullable(Decimal(38, 15)), audio_input Nullable(Decimal(38, 15)),
        image_input Nullable(Decimal(38, 15)), answer Nullable(Decimal(38, 15)), reasoning Nullable(Decimal(38, 15)),
        audio_output Nullable(Decimal(38, 15)), image_output Nullable(Decimal(38, 15)),
        request Nullable(Decimal(38, 15)))' AS rate_type,
    entries AS (SELECT * FROM price_override FINAL WHERE NOT removed),
    deals AS
    (
        SELECT project, provider, model, price_context, every_context, valid_from, valid_to, entered_at, entry_id,
            CAST(tuple(
                uncached_usd_per_token, cache_read_usd_per_token, cache_write_5m_usd_per_token, cache_write_1h_usd_per_token,
                audio_input_usd_per_token, image_input_usd_per_token, answer_usd_per_token, reasoning_usd_per_token,
                audio_output_usd_per_token, image_output_usd_per_token, request_usd), rate_type) AS rate,
            meter_usd, book_factor, false AS amortised
        FROM entries
        WHERE gpu_hour_usd IS NULL
        UNION ALL
        SELECT e.project, e.provider, e.model, e.price_context, e.every_context,
            toDateTime(a.day, 'UTC') AS valid_from, toDateTime(a.day + 1, 'UTC') AS valid_to, e.entered_at, e.entry_id,
            CAST(tuple(
                a.usd_per_token, a.usd_per_token, a.usd_per_token, a.usd_per_token, a.usd_per_token, a.usd_per_token,
                a.usd_per_token, a.usd_per_token, a.usd_per_token, a.usd_per_token, NULL), rate_type) AS rate,
            e.meter_usd, e.book_factor, true AS amortised
        FROM entries AS e
        INNER JOIN amortised_rates AS a FINAL ON a.entry_id = e.entry_id
        WHERE e.gpu_hour_usd IS NOT NULL AND a.usd_per_token IS NOT NULL
            AND toDateTime(a.day, 'UTC') >= e.valid_from AND toDateTime(a.day, 'UTC') < e.valid_to
    ),
    by_name AS
    (
        SELECT d.project AS project, n.name_id AS name_id,
            arraySort(groupArray((d.entered_at, d.entry_id, d.valid_from, d.valid_to, d.rate, d.meter_usd, d.book_factor, d.amortised))) AS deals_of_name,
            arraySort(groupUniqArrayArray([d.valid_from, d.valid_to])) AS edges
        FROM deals AS d
        CROSS JOIN (SELECT provider, model, price_context, name_id, book_provider, book_model FROM model_names FINAL) AS n
        WHERE d.provider IN ('', n.provider, n.book_provider) AND d.model IN (n.model, n.book_model)
            AND (d.every_context OR d.price_context = n.price_context) AND d.valid_from < d.valid_to
        GROUP BY project, name_id
    )
SELECT
    project, name_id, valid_from, valid_to, deal.2 AS entry_id, deal.8 AS amortised, deal.5 AS rate, deal.6 AS meter_usd,
    deal.7 AS book_factor
FROM
(
    SELECT project, name_id, edge AS valid_from, edges[i + 1] AS valid_to,
        arrayFilter(d -> d.3 <= edge AND d.4 > edge, deals_of_name) AS holding,
        holding[-1] AS deal
    FROM by_name
    ARRAY JOIN edges AS edge, arrayEnumerate(edges) AS i
)
WHERE NOT empty(holding)
