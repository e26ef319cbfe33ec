-- The rates of the book loaded last, by the name that stands on the spans.
CREATE OR REPLACE VIEW rates_of AS
SELECT
    n.name_id AS name_id,
    b.tier_start AS tier_start,
    b.day_start AS day_start,
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
FROM (SELECT name_id, price_id FROM model_names FINAL WHERE price_id != 0) AS n
INNER JOIN
(
    SELECT * FROM price_book FINAL
    WHERE book_version = if({book:String} = '', (SELECT argMax(book_version, loaded_at) FROM price_books), {book:String})
) AS b ON b.price_id = n.price_id
