-- Billed beside seen on days that are closed at the provider and have money on the bill.
SELECT project, toString(provider) AS provider, day, toFloat64(billed_usd) AS billed_usd, toFloat64(seen_usd) AS seen_usd
FROM tieout_daily
WHERE day >= toDate(toDateTime({from:UInt32}, 'UTC')) AND day < toDate(toDateTime({to:UInt32}, 'UTC'))
    AND NOT open AND billed_usd IS NOT NULL
ORDER BY project, provider, day
