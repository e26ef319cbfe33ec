-- The rates of one book, by the name that stands on the spans; book = '': the active one.
-- The ledger is cut along the edges (long-context sizes, times of day) of the book that was active when it was made. So
-- each name has a row at every edge that any book gives it, with the rate at the highest edge of its own not above.
CREATE OR REPLACE VIEW rates_of AS
WITH if({book:String} = '', (SELECT argMax(book_version, loaded_at) FROM price_books), {book:String}) AS version
SELECT
    n.name_id AS name_id,
    n.tier_start AS tier_start,
    n.day_start AS day_start,
    b.valid_from AS valid_from,
    b.book_version AS book_version,
    CAST(tuple(
        b.uncached_usd_per_token, b.cache_read_usd_per_token, b.cache_write_5m_usd_per_token, b.cache_write_1h_usd_per_token,
        b.audio_input_usd_per_token, b.image_input_usd_per_token, b.answer_usd_per_token, b.reasoning_usd_per_token,
        b.audio_output_usd_per_token, b.image_output_usd_per_token, b.request_usd),
        'Tuple(uncached Nullable(Decimal(38, 15)), cache_read Nullable(Decimal(38, 15)), cache_write_5m Nullable(Decimal(38, 15)), cache_write_1h Nullable(Decimal(38, 15)), audio_input Nullable(Decimal(38, 15)),
        image_input Nullable(Decimal(38, 15)), answer Nullable(Decimal(38, 15)), reasoning Nullable(Decimal(38, 15)),
        audio_output Nullable(Decimal(38, 15)), image_output Nullable(Decimal(38, 15)),
        request Nullable(Decimal(38, 15)))') AS rate,
    b.meter_usd AS meter_usd
FROM
(
    SELECT
        name_id, price_id, tier_start, day_start,
        arrayMax(arrayFilter(edge -> edge <= tier_start, arrayPushFront(own_tiers, 0))) AS own_tier,
        arrayMax(arrayFilter(edge -> edge <= day_start, arrayPushFront(own_days, 0))) AS own_day
    FROM
    (
        SELECT
            name_id,
            anyIf(price_id, book_version = version) AS price_id,
            anyIf(tier_starts, book_version = version) AS own_tiers,
            anyIf(day_starts, book_version = version) AS own_days,
            arrayPushFront(groupUniqArrayArray(tier_starts), 0) AS all_tiers,
            arrayPushFront(groupUniqArrayArray(day_starts), 0) AS all_days
        FROM book_names FINAL
        GROUP BY name_id
        HAVING price_id != 0
    )
    ARRAY JOIN all_tiers AS tier_start
    ARRAY JOIN all_days AS day_start
) AS n
INNER JOIN (SELECT * FROM price_book FINAL WHERE book_version = version) AS b
    ON b.price_id = n.price_id AND b.tier_start = n.own_tier AND b.day_start = n.own_day
