-- Own rates in the same shape as rates.
CREATE OR REPLACE VIEW override_rates AS
SELECT
    o.project AS project,
    sipHash64(o.provider, o.model, o.price_context) AS name_id,
    o.valid_from AS valid_from,
    o.valid_to AS valid_to,
    CAST(tuple(
        o.uncached_usd_per_token, o.cache_read_usd_per_token, o.cache_write_5m_usd_per_token, o.cache_write_1h_usd_per_token,
        o.audio_input_usd_per_token, o.image_input_usd_per_token, o.answer_usd_per_token, o.reasoning_usd_per_token,
        o.audio_output_usd_per_token, o.image_output_usd_per_token, o.request_usd),
        'Tuple(uncached Nullable(Decimal(38, 15)), cache_read Nullable(Decimal(38, 15)), cache_write_5m Nullable(Decimal(38, 15)), cache_write_1h Nullable(Decimal(38, 15)), audio_input Nullable(Decimal(38, 15)),
        image_input Nullable(Decimal(38, 15)), answer Nullable(Decimal(38, 15)), reasoning Nullable(Decimal(38, 15)),
        audio_output Nullable(Decimal(38, 15)), image_output Nullable(Decimal(38, 15)),
        request Nullable(Decimal(38, 15)))') AS rate,
    o.meter_usd AS meter_usd,
    CAST(NULL AS Nullable(Decimal(38, 15))) AS book_factor
FROM price_override AS o FINAL
