-- What the providers themselves bill, by provider and UTC day.
SELECT toString(provider) AS provider, toDate(from_time) AS day, sum(amount_usd) AS billed_usd,
    countIf(amount_usd IS NULL AND report IN ('costs', 'focus')) AS unknown_amounts, max(open) AS open
FROM (SELECT * REPLACE (if(report IN ('costs', 'focus'), amount_usd, NULL) AS amount_usd) FROM billed_now)
WHERE (project = {project:String} OR {every_project:Bool})
    AND from_time >= toDateTime({from:UInt32}, 'UTC') AND from_time < toDateTime({to:UInt32}, 'UTC')
GROUP BY provider, day
