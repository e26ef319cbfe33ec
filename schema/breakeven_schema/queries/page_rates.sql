-- The rates that price a name at a moment: a contract of the project, else one for all projects, else the book; chosen as
-- in views/12_spend_of.sql.
SELECT
    multiIf(o.valid_to > k.priced_at, if(o.amortised, 'amortised', 'project'),
        a.valid_to > k.priced_at, if(a.amortised, 'amortised', 'override'), '') AS contract,
    multiIf(o.valid_to > k.priced_at, o.book_factor, contract != '', a.book_factor, NULL) AS contract_factor,
    contract != '' AND contract_factor IS NULL AS own_rates,
    multiIf(NOT own_rates, r.rate, o.valid_to > k.priced_at, o.rate, a.rate) AS rate,
    multiIf(NOT own_rates, r.meter_usd, o.valid_to > k.priced_at, o.meter_usd, a.meter_usd) AS meter_usd,
    r.book_version AS book_version,
    if(NOT own_rates AND r.book_version = '', NULL, CAST(ifNull(contract_factor, 1) AS Decimal(38, 12))) AS factor,
    toUnixTimestamp(r.valid_from) AS valid_from
FROM
(
    SELECT {project:String} AS project, {name_id:UInt64} AS name_id, {tier_start:UInt32} AS tier_start,
        toDateTime({priced_at:UInt32}, 'UTC') AS priced_at, toUInt32(priced_at - toStartOfDay(priced_at)) AS day_start
) AS k
ASOF LEFT JOIN (SELECT * FROM override_rates WHERE project != '') AS o
    ON o.project = k.project AND o.name_id = k.name_id AND k.priced_at >= o.valid_from
ASOF LEFT JOIN (SELECT * FROM override_rates WHERE project = '') AS a
    ON a.name_id = k.name_id AND k.priced_at >= a.valid_from
ASOF LEFT JOIN rates_of(book='') AS r
    ON r.name_id = k.name_id AND r.tier_start = k.tier_start AND r.day_start = k.day_start AND k.priced_at >= r.valid_from
