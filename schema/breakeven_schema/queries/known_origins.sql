-- Origins by their ids; all where none are given.
SELECT DISTINCT project, origin_id, environment, service, provider, model, provider_key, provider_project, route, agent,
    workflow, prompt
FROM origins
WHERE empty({ids:Array(UInt64)}) OR origin_id IN {ids:Array(UInt64)}
