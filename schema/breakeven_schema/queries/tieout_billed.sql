-- What the providers' accounts say, by UTC day: money of the reports that have it, quantities of those that count.
SELECT
    b.project AS project, toDate(b.from_time) AS day, toString(b.provider) AS provider,
    b.provider_project AS provider_project, if(b.key_name != '', b.key_name, b.key_id) AS provider_key,
    toString(b.model) AS model, toString(b.price_context) AS price_context, toString(b.item) AS item,
    toString(b.meter) AS meter,
    sum(if(b.report IN ('costs', 'focus'), b.amount_usd, NULL)) AS billed_usd,
    countIf(b.report IN ('costs', 'focus') AND b.amount_usd IS NULL) AS unknown_amounts,
    groupUniqArrayIf(toString(b.currency), b.report IN ('costs', 'focus') AND b.amount_usd IS NULL) AS unknown_currencies,
    sum(if(b.report IN ('usage', 'focus'), b.quantity, NULL)) AS quantity,
    max(b.open) AS open,
    any(if(mapContains(r.usd, b.meter), r.usd[b.meter], NULL)) AS rate
FROM (SELECT * FROM billed_now
    WHERE (project = {project:String} OR {every_project:Bool})
        AND from_time >= toDateTime({from:UInt32}, 'UTC') AND from_time < toDateTime({to:UInt32}, 'UTC')) AS b
LEFT JOIN
(
    SELECT * FROM usage_rates
    WHERE day >= toDateTime({from:UInt32}, 'UTC') AND day < toDateTime({to:UInt32}, 'UTC')
) AS r ON r.project = b.project AND r.name_id = sipHash64(b.provider, b.model, b.price_context)
    AND r.day = toStartOfDay(b.from_time)
GROUP BY project, day, provider, provider_project, provider_key, model, price_context, item, meter
