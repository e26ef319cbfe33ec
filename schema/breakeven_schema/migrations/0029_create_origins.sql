-- Where calls without a declared feature come from: what mapping rules look at. A row a distinct origin.
CREATE TABLE IF NOT EXISTS origins
(
    project LowCardinality(String) COMMENT 'project of the ingest key',
    origin_id UInt64 COMMENT 'hash of all that follows: calls and the ledger carry it',
    environment LowCardinality(String) COMMENT 'deployment environment',
    service LowCardinality(String) COMMENT 'service.name',
    provider LowCardinality(String) COMMENT 'as in calls',
    model LowCardinality(String) COMMENT 'as in calls',
    provider_key LowCardinality(String) COMMENT 'name or id of the API key at provider or gateway, never the key',
    provider_project LowCardinality(String) COMMENT 'project, workspace or team at provider or gateway',
    route LowCardinality(String) COMMENT 'route of the request that the application was serving',
    agent LowCardinality(String) COMMENT 'gen_ai.agent.name',
    workflow LowCardinality(String) COMMENT 'workflow, chain or trace name',
    prompt LowCardinality(String) COMMENT 'gen_ai.prompt.name',
    first_seen SimpleAggregateFunction(min, DateTime('UTC')) COMMENT 'start of the earliest call',
    last_seen SimpleAggregateFunction(max, DateTime('UTC')) COMMENT 'start of the latest call'
)
ENGINE = AggregatingMergeTree
-- Small; read whole, a project at a time.
ORDER BY (project, origin_id, environment, service, provider, model, provider_key, provider_project, route, agent, workflow, prompt)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
