-- Rates by the book of the names of models, at a moment, for short inputs: how a model's kinds of tokens stand to each
-- other. What contracts take off is not in them.
SELECT name_id, toFloat64(rate.uncached) AS uncached, toFloat64(ifNull(rate.cache_read, rate.uncached)) AS cached,
    toFloat64(coalesce(rate.cache_write_5m, rate.cache_write_1h, rate.uncached)) AS written, toFloat64(rate.answer) AS output
FROM rates_of(book='')
WHERE name_id IN {names:Array(UInt64)} AND tier_start = 0 AND day_start = 0 AND valid_from <= toDateTime({at:UInt32}, 'UTC')
    AND rate.uncached IS NOT NULL AND rate.answer IS NOT NULL
ORDER BY valid_from DESC
LIMIT 1 BY name_id
