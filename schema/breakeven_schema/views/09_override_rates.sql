-- Own rates by the names on the spans, in stretches that do not overlap: where entries of one scope do, the one entered
-- last holds, and the other again after it. Where `book_factor` is not NULL, the book's rates times it stand for `rate`.
-- `amortised`: not a price but the cost of a self-hosted model's machines, spread over the day's tokens.
CREATE OR REPLACE VIEW override_rates AS
SELECT
    project, name_id, valid_from, valid_to, deal.2 AS entry_id, deal.8 AS amortised,
    CAST(deal.5,
        'Tuple(uncached Nullable(Decimal(38, 15)), cache_read Nullable(Decimal(38, 15)), cache_write_5m Nullable(Decimal(38, 15)), cache_write_1h Nullable(Decimal(38, 15)), audio_input Nullable(Decimal(38, 15)),
        image_input Nullable(Decimal(38, 15)), answer Nullable(Decimal(38, 15)), reasoning Nullable(Decimal(38, 15)),
        audio_output Nullable(Decimal(38, 15)), image_output Nullable(Decimal(38, 15)),
        request Nullable(Decimal(38, 15)))') AS rate,
    deal.6 AS meter_usd, deal.7 AS book_factor
FROM
(
    SELECT project, name_id, edge AS valid_from, edges[i + 1] AS valid_to,
        arrayFilter(d -> d.3 <= edge AND d.4 > edge, deals) AS holding,
        holding[-1] AS deal
    FROM
    (
        SELECT e.project AS project, n.name_id AS name_id,
            arraySort(d -> (d.1, d.2), groupArray((e.entered_at, e.entry_id, stretch.1, stretch.2,
                (ifNull(stretch.3, e.uncached_usd_per_token), ifNull(stretch.3, e.cache_read_usd_per_token),
                    ifNull(stretch.3, e.cache_write_5m_usd_per_token), ifNull(stretch.3, e.cache_write_1h_usd_per_token),
                    ifNull(stretch.3, e.audio_input_usd_per_token), ifNull(stretch.3, e.image_input_usd_per_token),
                    ifNull(stretch.3, e.answer_usd_per_token), ifNull(stretch.3, e.reasoning_usd_per_token),
                    ifNull(stretch.3, e.audio_output_usd_per_token), ifNull(stretch.3, e.image_output_usd_per_token),
                    e.request_usd),
                e.meter_usd, e.book_factor, e.gpu_hour_usd IS NOT NULL))) AS deals,
            arraySort(groupUniqArrayArray([stretch.1, stretch.2])) AS edges
        FROM (SELECT * FROM price_override FINAL WHERE NOT removed AND valid_from < valid_to) AS e
        LEFT JOIN
        (
            SELECT entry_id, groupArray((toDateTime(day, 'UTC'), toDateTime(day + 1, 'UTC'), usd_per_token)) AS days
            FROM amortised_rates FINAL
            WHERE usd_per_token IS NOT NULL
            GROUP BY entry_id
        ) AS a ON a.entry_id = e.entry_id
        CROSS JOIN (SELECT provider, model, price_context, name_id, book_provider, book_model FROM model_names FINAL) AS n
        -- A self-hosted model has a rate a day, all others one from first to last.
        ARRAY JOIN if(e.gpu_hour_usd IS NULL, [(e.valid_from, e.valid_to, NULL)],
            arrayFilter(s -> s.1 >= e.valid_from AND s.1 < e.valid_to, a.days)) AS stretch
        WHERE e.provider IN ('', n.provider, n.book_provider) AND e.model IN (n.model, n.book_model)
            AND (e.every_context OR e.price_context = n.price_context)
        GROUP BY project, name_id
    )
    ARRAY JOIN edges AS edge, arrayEnumerate(edges) AS i
)
WHERE NOT empty(holding)
