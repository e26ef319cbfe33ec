-- Keys and projects of the providers' accounts: what is billed by them, and what their usage comes to by our prices.
SELECT provider, provider_project, provider_key, sum(billed) AS billed_usd, sum(priced) AS priced_usd, max(has_usage) AS used
FROM
(
    SELECT toString(provider) AS provider, provider_project, if(key_name != '', key_name, key_id) AS provider_key,
        if(report IN ('costs', 'focus'), amount_usd, NULL) AS billed, NULL AS priced, false AS has_usage
    FROM billed_now
    WHERE (project = {project:String} OR {every_project:Bool})
        AND from_time >= toDateTime({from:UInt32}, 'UTC') AND from_time < toDateTime({to:UInt32}, 'UTC')
    UNION ALL
    SELECT toString(provider), provider_project, provider_key, NULL, cost_usd, true
    FROM billed_usage
    WHERE (project = {project:String} OR {every_project:Bool})
        AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC')
)
GROUP BY provider, provider_project, provider_key
