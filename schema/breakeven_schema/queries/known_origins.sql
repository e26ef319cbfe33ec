-- Origins by their ids; all where none are given. What only a provider's account names is an origin as well.
SELECT DISTINCT project, origin_id, environment, service, provider, model, provider_key, provider_project, route, agent,
    workflow, prompt
FROM origins
WHERE empty({ids:Array(UInt64)}) OR origin_id IN {ids:Array(UInt64)}
UNION ALL
SELECT DISTINCT project, sipHash64('', '', provider, model, provider_key, provider_project, '', '', '', '') AS origin_id,
    '' AS environment, '' AS service, provider, model, if(key_name != '', key_name, key_id) AS provider_key,
    provider_project, '' AS route, '' AS agent, '' AS workflow, '' AS prompt
FROM billed_now
WHERE report IN ('usage', 'focus') AND (empty({ids:Array(UInt64)}) OR origin_id IN {ids:Array(UInt64)})
