-- What a unit of each kind of usage costs by our prices, by project, name and UTC day: for every day on which calls or a
-- provider's account have the name. The rates are those of `spend`, at the size of input from which a price begins.
CREATE OR REPLACE VIEW usage_rates AS
WITH
    multiIf(o.valid_to > n.day, o.book_factor, a.valid_to > n.day, a.book_factor, NULL) AS contract_factor,
    (o.valid_to > n.day OR a.valid_to > n.day) AND contract_factor IS NULL AS own_rates,
    CAST(ifNull(contract_factor, 1) AS Decimal(38, 12)) AS factor,
    if(own_rates, if(o.valid_to > n.day, o.rate, a.rate), r.rate) AS rate,
    if(own_rates, if(o.valid_to > n.day, o.meter_usd, a.meter_usd), r.meter_usd) AS meter_usd
SELECT
    n.project AS project, n.name_id AS name_id, n.day AS day,
    -- by the meters of billed_now; a kind of usage without a rate is not in it
    CAST(arrayConcat(
        arrayFilter(u -> u.2 IS NOT NULL, [
            ('uncached_tokens', CAST(rate.uncached * factor AS Nullable(Decimal(38, 27)))),
            ('cache_read_tokens', CAST(rate.cache_read * factor AS Nullable(Decimal(38, 27)))),
            ('cache_write_5m_tokens', CAST(rate.cache_write_5m * factor AS Nullable(Decimal(38, 27)))),
            ('cache_write_1h_tokens', CAST(rate.cache_write_1h * factor AS Nullable(Decimal(38, 27)))),
            ('audio_input_tokens', CAST(rate.audio_input * factor AS Nullable(Decimal(38, 27)))),
            ('image_input_tokens', CAST(rate.image_input * factor AS Nullable(Decimal(38, 27)))),
            ('output_tokens', CAST(rate.answer * factor AS Nullable(Decimal(38, 27)))),
            ('audio_output_tokens', CAST(rate.audio_output * factor AS Nullable(Decimal(38, 27)))),
            ('requests', if(own_rates OR r.book_version != '', CAST(ifNull(rate.request, toDecimal128(0, 15)) * factor AS Nullable(Decimal(38, 27))), NULL))]),
        arrayMap(
            m -> (toString(m), CAST(meter_usd[m] * factor AS Nullable(Decimal(38, 27)))), mapKeys(meter_usd))),
        'Map(String, Nullable(Decimal(38, 27)))') AS usd
FROM
(
    SELECT DISTINCT project, name_id, at AS day FROM spend_cubes WHERE grain = 'day'
    UNION DISTINCT
    SELECT DISTINCT project, sipHash64(provider, model, price_context) AS name_id, toStartOfDay(from_time) AS day
    FROM billed_now
    WHERE quantity IS NOT NULL
) AS n
ASOF LEFT JOIN (SELECT * FROM override_rates WHERE project != '') AS o
    ON o.project = n.project AND o.name_id = n.name_id AND n.day >= o.valid_from
ASOF LEFT JOIN (SELECT * FROM override_rates WHERE project = '') AS a
    ON a.name_id = n.name_id AND n.day >= a.valid_from
ASOF LEFT JOIN (SELECT * FROM rates_of(book='') WHERE tier_start = 0 AND day_start = 0) AS r
    ON r.name_id = n.name_id AND n.day >= r.valid_from
