CREATE MATERIALIZED VIEW IF NOT EXISTS origins_of_spans TO origins AS
SELECT project, origin_id, environment, service, provider, model, provider_key, provider_project, route, agent, workflow, prompt,
    min(toDateTime(ts, 'UTC')) AS first_seen, max(toDateTime(ts, 'UTC')) AS last_seen
FROM spans
WHERE is_call AND origin_id != 0
GROUP BY project, origin_id, environment, service, provider, model, provider_key, provider_project, route, agent, workflow, prompt
