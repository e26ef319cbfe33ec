-- One row a reported LLM call, before duplicates are taken out: a call seen by two instrumentations is two rows here and
-- one in the ledger. A span that is sent again as it was replaces itself, at the latest when parts merge.
CREATE TABLE IF NOT EXISTS calls
(
    project LowCardinality(String) COMMENT 'project of the ingest key; "default" without keys',
    ts DateTime64(6, 'UTC') COMMENT 'start of the call; the time of receipt where the span says before 2020 or over a day ahead',
    trace_id String COMMENT '16 bytes, not hex',
    span_id String COMMENT '8 bytes, not hex',
    parent_span_id String COMMENT '8 bytes, not hex; empty at the root',
    identity UInt64 COMMENT 'hash of the response id, or of trace and span where there is none: rows of one call share it, yet one id can serve many calls',
    environment LowCardinality(String) COMMENT 'resource attribute deployment.environment.name',
    service LowCardinality(String) COMMENT 'resource attribute service.name; never a feature',
    feature LowCardinality(String) COMMENT 'the feature that pays; empty: unallocated',
    feature_source LowCardinality(String) COMMENT 'declared (in code), mapped (by a rule) or inferred (from a workflow or agent name); empty: unallocated',
    feature_rank UInt8 COMMENT 'place in the order in which the feature is looked for: lower wins when duplicates merge; 0 without a feature',
    task LowCardinality(String) COMMENT 'path of steps inside the feature',
    run String COMMENT 'one outermost entry into the feature',
    tenant LowCardinality(String) COMMENT 'customer of the application',
    user_id String COMMENT 'user.id or what an instrumentation calls so',
    session_id String COMMENT 'session.id or gen_ai.conversation.id',
    tags Map(LowCardinality(String), String) COMMENT 'breakeven.tag.*',
    scope LowCardinality(String) COMMENT 'instrumentation scope',
    scope_rank UInt8 COMMENT 'trust in the scope: 0 the client itself, 1 OpenTelemetry GenAI and this SDK, 2 others',
    operation LowCardinality(String) COMMENT 'gen_ai.operation.name',
    provider LowCardinality(String) COMMENT 'gen_ai.provider.name or its older names, lower case',
    model LowCardinality(String) COMMENT 'the model that answered, else the one that was asked',
    price_context LowCardinality(String) COMMENT 'what else picks the rate: service_tier=…;processing=batch;speed=…',
    response_id String COMMENT 'gen_ai.response.id',
    input_tokens Nullable(Int64) COMMENT 'all input tokens, cached ones included; NULL: not reported',
    cache_read_tokens Int64 COMMENT 'of input_tokens: read from the provider''s cache',
    cache_write_5m_tokens Int64 COMMENT 'of input_tokens: written to the cache with the short life',
    cache_write_1h_tokens Int64 COMMENT 'of input_tokens: written to the cache for an hour',
    audio_input_tokens Int64 COMMENT 'of input_tokens outside the cache: audio',
    image_input_tokens Int64 COMMENT 'of input_tokens outside the cache: images',
    output_tokens Nullable(Int64) COMMENT 'all output tokens, reasoning included; NULL: not reported',
    reasoning_tokens Int64 COMMENT 'of output_tokens: reasoning',
    audio_output_tokens Int64 COMMENT 'of output_tokens: audio',
    image_output_tokens Int64 COMMENT 'of output_tokens: images',
    meters Map(LowCardinality(String), Decimal(38, 6)) COMMENT 'what else was used: meter → quantity (web_search, audio_second, page, …)',
    reported_cost_usd Nullable(Decimal(38, 15)) COMMENT 'what provider or gateway said it cost; NULL: said nothing, or 0',
    stream Bool COMMENT 'the answer was streamed',
    failed Bool COMMENT 'status ERROR or an error.type',
    error_type LowCardinality(String) COMMENT 'error.type',
    http_status UInt16 COMMENT 'http.response.status_code, or the one that error.type stands for; 0: unknown',
    basis LowCardinality(String) COMMENT 'what the dollars rest on: reported (reported_cost_usd), usage (tokens or meters × price), partial (the same, but some of the usage is missing), refused (turned away before work: 0), unknown',
    mended Array(LowCardinality(String)) COMMENT 'what had to be put right: start_time, tokens, subsets',
    duration_us UInt64 COMMENT 'length of the span in microseconds',
    received_ns UInt64 COMMENT 'when the collector took it, Unix nanoseconds'
)
ENGINE = ReplacingMergeTree(received_ns)
PARTITION BY toYYYYMM(ts)
-- A pass reads the rows of given minutes; identity behind the minute brings the rows of one call together.
ORDER BY (project, toStartOfMinute(ts), identity, trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
