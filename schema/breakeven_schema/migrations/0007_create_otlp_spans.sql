-- The one place where dialects become one form. It must never throw: ids, numbers and text come from strangers, so only
-- functions that are total (…OrNull, JSONExtract, extract) stand here, and a bad value becomes "unknown".
-- Names and their order: docs/dialects.md. First present wins.
CREATE MATERIALIZED VIEW IF NOT EXISTS otlp_spans TO spans AS
WITH
    (k) -> strs[indexOf(keys, k)] AS text,
    -- A stranger's 9e18 must not poison a sum: outside 0…1e9 a token count is unknown.
    (n) -> if(n BETWEEN 0 AND 1000000000, n, NULL) AS sane,
    -- Presence, not value: an int of 0 and an absent one look the same in the decoded value.
    (k) -> if(has(keys, k),
        multiIf(ints[indexOf(keys, k)] != 0, ints[indexOf(keys, k)],
            strs[indexOf(keys, k)] != '', toInt64OrNull(strs[indexOf(keys, k)]),
            abs(dbls[indexOf(keys, k)]) < 9e15, toInt64(dbls[indexOf(keys, k)]), -1), NULL) AS int_raw,
    (k) -> sane(int_raw(k)) AS int,
    (k) -> if(has(keys, k),
        toDecimal128OrNull(multiIf(strs[indexOf(keys, k)] != '', strs[indexOf(keys, k)],
            dbls[indexOf(keys, k)] != 0, toString(dbls[indexOf(keys, k)]), toString(ints[indexOf(keys, k)])), 15), NULL) AS dec,
    (k) -> bools[indexOf(keys, k)] != 0 OR lower(strs[indexOf(keys, k)]) = 'true' AS flag,
    (k) -> if(blob = '', NULL, sane(JSONExtract(blob, k, 'Nullable(Int64)'))) AS blob_int,
    (k1, k2) -> if(blob = '', NULL, sane(JSONExtract(blob, k1, k2, 'Nullable(Int64)'))) AS blob_int2,

    -- tokens as the dialect reports them
    coalesce(int('gen_ai.usage.input_tokens'), int('gen_ai.usage.prompt_tokens'), int('llm.token_count.prompt'),
        int('llm.usage.prompt_tokens'),
        if(scope = 'langfuse-sdk', coalesce(blob_int('prompt_tokens'), blob_int('input_tokens'), blob_int('input')), NULL)) AS input_reported,
    coalesce(int('gen_ai.usage.output_tokens'), int('gen_ai.usage.completion_tokens'), int('llm.token_count.completion'),
        int('llm.usage.completion_tokens'),
        if(scope = 'langfuse-sdk', coalesce(blob_int('completion_tokens'), blob_int('output_tokens'), blob_int('output')), NULL)) AS output_reported,
    coalesce(int('gen_ai.usage.cache_read.input_tokens'), int('gen_ai.usage.cache_read_input_tokens'),
        int('llm.token_count.prompt_details.cache_read')) AS cache_read_reported,
    coalesce(cache_read_reported, nullIf(blob_int('cache_read_input_tokens'), 0),
        blob_int2('prompt_tokens_details', 'cached_tokens'), blob_int2('input_tokens_details', 'cached_tokens'), 0) AS cache_read_raw,
    coalesce(int('gen_ai.usage.cache_write.input_tokens'), int('gen_ai.usage.cache_creation.input_tokens'),
        int('gen_ai.usage.cache_creation_input_tokens'), int('llm.token_count.prompt_details.cache_write'),
        if(cache_read_reported IS NULL, blob_int('cache_creation_input_tokens'), NULL), 0) AS cache_write_raw,
    coalesce(int('anthropic.usage.cache_creation.ephemeral_1h_input_tokens'),
        int('gen_ai.usage.details.ephemeral_1h_input_tokens'),
        blob_int2('cache_creation', 'ephemeral_1h_input_tokens'), 0) AS cache_write_1h_raw,
    coalesce(int('gen_ai.usage.reasoning.output_tokens'), int('gen_ai.usage.reasoning_tokens'),
        int('gen_ai.usage.details.reasoning_tokens'), int('llm.token_count.completion_details.reasoning'),
        blob_int2('completion_tokens_details', 'reasoning_tokens'), blob_int2('output_tokens_details', 'reasoning_tokens'), 0) AS reasoning_raw,
    coalesce(int('gen_ai.usage.audio.input_tokens'), int('gen_ai.usage.details.input_audio_tokens'),
        int('llm.token_count.prompt_details.audio'), blob_int2('prompt_tokens_details', 'audio_tokens'), 0) AS audio_in_raw,
    coalesce(int('gen_ai.usage.audio.output_tokens'), int('gen_ai.usage.details.output_audio_tokens'),
        int('llm.token_count.completion_details.audio'), blob_int2('completion_tokens_details', 'audio_tokens'), 0) AS audio_out_raw,
    coalesce(int('gen_ai.usage.image.input_tokens'), 0) AS image_in_raw,
    coalesce(int('gen_ai.usage.image.output_tokens'), 0) AS image_out_raw,

    -- canonical form: totals that include their subsets; a subset never exceeds its total
    scope = 'openlit.instrumentation.anthropic' OR cache_read_raw + cache_write_raw > ifNull(input_reported, 0) AS cache_beside,
    if(input_reported IS NULL AND cache_read_raw + cache_write_raw = 0, NULL,
        ifNull(input_reported, 0) + if(cache_beside, cache_read_raw + cache_write_raw, 0)) AS input_total,
    least(cache_write_1h_raw, cache_write_raw) AS cache_write_1h,
    ifNull(input_total, 0) - cache_read_raw - cache_write_raw AS uncached,
    least(audio_in_raw, uncached) AS audio_in,
    least(image_in_raw, uncached - audio_in) AS image_in,
    least(reasoning_raw, ifNull(output_reported, 0)) AS reasoning,
    least(audio_out_raw, ifNull(output_reported, 0) - reasoning) AS audio_out,
    least(image_out_raw, ifNull(output_reported, 0) - reasoning - audio_out) AS image_out,

    -- what was used beside tokens
    arrayFilter(k -> startsWith(k, 'breakeven.meter.'), keys) AS meter_keys,
    coalesce(int('gen_ai.usage.details.web_search_requests'), blob_int2('server_tool_use', 'web_search_requests'),
        if(metadata = '', NULL, sane(JSONExtract(metadata, 'server_tool_use', 'web_search_requests', 'Nullable(Int64)'))), 0) AS web_searches,
    mapFilter((k, v) -> v > 0 AND v <= 1000000000,
        mapFromArrays(
            arrayConcat(arrayMap(k -> substring(k, length('breakeven.meter.') + 1), meter_keys),
                if(web_searches > 0 AND NOT has(meter_keys, 'breakeven.meter.web_search'), ['web_search'], [])),
            arrayConcat(arrayMap(k -> ifNull(toDecimal128OrNull(multiIf(strs[indexOf(keys, k)] != '', strs[indexOf(keys, k)],
                    dbls[indexOf(keys, k)] != 0, toString(dbls[indexOf(keys, k)]), toString(ints[indexOf(keys, k)])), 6), toDecimal128(0, 6)), meter_keys),
                if(web_searches > 0 AND NOT has(meter_keys, 'breakeven.meter.web_search'), [toDecimal128(web_searches, 6)], [])))) AS meters_used,

    -- how it ended
    text('error.type') AS error_name,
    status_code = 2 OR error_name != '' AS is_failed,
    ifNull(toUInt16OrNull(toString(ifNull(int('http.response.status_code'), 0))), 0) AS http_reported,
    multiIf(
        http_reported != 0, http_reported,
        match(error_name, '^[1-5][0-9][0-9]$'), ifNull(toUInt16OrNull(error_name), 0),
        match(error_name, '(?i)rate.?limit'), 429,
        match(error_name, '(?i)authentication'), 401,
        match(error_name, '(?i)permission.?denied'), 403,
        match(error_name, '(?i)not.?found'), 404,
        match(error_name, '(?i)bad.?request|invalid.?request'), 400,
        match(error_name, '(?i)unprocessable'), 422, 0) AS http_code,
    ifNull(input_total, 0) + ifNull(output_reported, 0) > 0 OR length(meters_used) > 0 AS used,
    -- A cost of 0 is what instrumentations send when they know no price.
    arrayFirst(c -> c > 0 AND c < 1000000, arrayMap(c -> ifNull(c, toDecimal128(0, 15)), [dec('gen_ai.usage.cost.amount'), dec('gen_ai.usage.cost'),
        dec('gen_ai.cost.total_cost'), dec('operation.cost'), dec('llm.cost.total')])) AS cost_reported,

    lower(coalesce(nullIf(text('openai.response.service_tier'), ''), nullIf(text('gen_ai.openai.response.service_tier'), ''),
        nullIf(text('anthropic.response.service_tier'), ''), nullIf(text('openai.request.service_tier'), ''),
        nullIf(text('gen_ai.openai.request.service_tier'), ''), '')) AS tier,
    lower(coalesce(nullIf(text('anthropic.response.speed'), ''), nullIf(text('gen_ai.response.speed'), ''), '')) AS speed_told,

    coalesce(nullIf(text('gen_ai.response.id'), ''),
        nullIf(extract(text('output.value'), '\\b(chatcmpl-[\\w-]{6,}|resp_\\w{6,}|msg_\\w{6,})'), ''), '') AS answer_id,

    -- who pays, in order of trust: the place in this list is feature_rank
    arrayFirst(f -> f.3 != '', [
        (1, 'declared', text('breakeven.feature')),
        (2, 'declared', text('feature')),
        (3, 'declared', text('traceloop.association.properties.feature')),
        (4, 'declared', if(metadata = '', '', JSONExtractString(metadata, 'feature'))),
        (5, 'declared', trim(BOTH '"' FROM text('langfuse.trace.metadata.feature'))),
        (6, 'declared', extract(text('metadata.requester_metadata'), '''feature'': ''([^'']*)''')),
        (7, 'declared', resource_feature),
        (20, 'inferred', text('traceloop.workflow.name')),
        (21, 'inferred', text('gen_ai.workflow.name')),
        (22, 'inferred', text('gen_ai.agent.name'))]) AS payer,

    s.start_time_unix_nano BETWEEN 1577836800000000000 AND received_ns + 86400000000000 AS clock_ok,
    arrayFilter(k -> startsWith(k, 'breakeven.tag.'), keys) AS tag_keys,
    operation_name IN ('chat', 'text_completion', 'generate_content', 'embeddings', 'completion', 'acompletion',
        'atext_completion', 'aembedding', 'embedding', 'responses', 'aresponses') AS billable_operation,
    text('langfuse.observation.type') AS langfuse_type
SELECT
    segment,
    -- Not a call: an operation that only contains calls, a wrapper that says so, a second span of the same instrumentation.
    NOT flag('breakeven.wrapper')
        AND (openinference_kind IN ('', 'LLM', 'EMBEDDING'))
        AND operation_name NOT IN ('invoke_agent', 'invoke_workflow', 'create_agent', 'execute_tool', 'execute_task', 'retrieval', 'plan')
        AND NOT has(keys, 'traceloop.span.kind')
        AND NOT (scope = 'pydantic-ai' AND s.name = 'agent run')
        AND NOT (scope = 'litellm' AND s.name = 'raw_gen_ai_request')
        AND (scope != 'langfuse-sdk' OR langfuse_type IN ('generation', 'embedding'))
        AND (billable_operation OR openinference_kind != '' OR langfuse_type != '' OR used OR has(keys, 'llm.request.type')
            OR input_reported IS NOT NULL OR output_reported IS NOT NULL OR cost_reported > 0) AS is_call,
    greatest(ifNull(int_raw('breakeven.seq'), 0), 0) AS seq,
    coalesce(nullIf(text('breakeven.seq.source'), ''), instance) AS seq_source,
    project,
    fromUnixTimestamp64Micro(toInt64(intDiv(if(clock_ok, s.start_time_unix_nano, received_ns), 1000)), 'UTC') AS ts,
    s.trace_id AS trace_id,
    s.span_id AS span_id,
    s.parent_span_id AS parent_span_id,
    if(answer_id != '', sipHash64('response', answer_id), sipHash64('span', s.trace_id, s.span_id)) AS identity,
    environment,
    service,
    payer.3 AS feature,
    payer.2 AS feature_source,
    payer.1 AS feature_rank,
    text('breakeven.task') AS task,
    text('breakeven.run') AS run,
    coalesce(nullIf(text('breakeven.tenant'), ''), nullIf(text('tenant'), ''),
        nullIf(text('traceloop.association.properties.tenant'), ''), '') AS tenant,
    coalesce(nullIf(text('user.id'), ''), nullIf(text('enduser.id'), ''), nullIf(text('llm.user'), ''),
        nullIf(text('traceloop.association.properties.user_id'), ''), '') AS user_id,
    coalesce(nullIf(text('session.id'), ''), nullIf(text('gen_ai.conversation.id'), ''), '') AS session_id,
    mapFromArrays(arrayMap(k -> substring(k, length('breakeven.tag.') + 1), tag_keys), arrayMap(k -> strs[indexOf(keys, k)], tag_keys)) AS tags,
    scope,
    multiIf(startsWith(scope, 'com.anthropic'), 0,
        scope = 'breakeven' OR scope LIKE '%.genai.%' OR scope LIKE '%google\_genai%' OR scope LIKE '%util.genai%', 1, 2) AS scope_rank,
    operation_name AS operation,
    transform(lower(coalesce(nullIf(text('gen_ai.provider.name'), ''), nullIf(text('gen_ai.system'), ''),
        nullIf(text('llm.provider'), ''), nullIf(text('llm.system'), ''), '')),
        ['gemini', 'google_genai'], ['gcp.gemini', 'gcp.gemini']) AS provider,
    coalesce(nullIf(text('gen_ai.response.model'), ''), nullIf(text('llm.response.model_name'), ''),
        nullIf(text('llm.model_name'), ''), nullIf(text('langfuse.observation.model.name'), ''),
        nullIf(text('embedding.model_name'), ''), nullIf(text('gen_ai.request.model'), ''), '') AS model,
    arrayStringConcat(arrayFilter(c -> c != '', [
        if(tier IN ('', 'auto', 'default', 'standard', 'standard_only', 'batch'), '', concat('service_tier=', tier)),
        if(tier = 'batch', 'processing=batch', ''),
        if(speed_told IN ('', 'standard'), '', concat('speed=', speed_told))]), ';') AS price_context,
    answer_id AS response_id,
    input_total AS input_tokens,
    cache_read_raw AS cache_read_tokens,
    cache_write_raw - cache_write_1h AS cache_write_5m_tokens,
    cache_write_1h AS cache_write_1h_tokens,
    audio_in AS audio_input_tokens,
    image_in AS image_input_tokens,
    output_reported AS output_tokens,
    reasoning AS reasoning_tokens,
    audio_out AS audio_output_tokens,
    image_out AS image_output_tokens,
    meters_used AS meters,
    if(cost_reported > 0, cost_reported, NULL) AS reported_cost_usd,
    flag('gen_ai.request.stream') OR flag('gen_ai.is_streaming') OR flag('llm.is_streaming') AS stream,
    is_failed AS failed,
    error_name AS error_type,
    http_code AS http_status,
    multiIf(cost_reported > 0, 'reported', used, 'usage',
        is_failed AND http_code IN (400, 401, 403, 404, 413, 422, 429), 'refused', 'unknown') AS basis,
    arrayFilter(m -> m != '', [
        if(clock_ok, '', 'start_time'),
        if((has(keys, 'gen_ai.usage.input_tokens') AND int('gen_ai.usage.input_tokens') IS NULL)
            OR (has(keys, 'gen_ai.usage.output_tokens') AND int('gen_ai.usage.output_tokens') IS NULL), 'tokens', ''),
        if(audio_in != audio_in_raw OR image_in != image_in_raw OR reasoning != reasoning_raw OR audio_out != audio_out_raw
            OR image_out != image_out_raw OR cache_write_1h != cache_write_1h_raw, 'subsets', '')]) AS mended,
    intDiv(greatest(s.end_time_unix_nano, s.start_time_unix_nano) - s.start_time_unix_nano, 1000) AS duration_us,
    received_ns
FROM
(
    SELECT
        segment, project, received_ns, environment, service, instance, resource_feature, scope, s, s.status.code AS status_code,
        s.attributes.key AS keys,
        s.attributes.value.int_value AS ints,
        s.attributes.value.string_value AS strs,
        s.attributes.value.double_value AS dbls,
        s.attributes.value.bool_value AS bools,
        strs[indexOf(keys, 'gen_ai.operation.name')] AS operation_name,
        strs[indexOf(keys, 'openinference.span.kind')] AS openinference_kind,
        strs[indexOf(keys, 'metadata')] AS metadata,
        coalesce(nullIf(strs[indexOf(keys, 'gen_ai.usage.raw')], ''), nullIf(strs[indexOf(keys, 'langfuse.observation.usage_details')], '')) AS json_blob,
        coalesce(nullIf(strs[indexOf(keys, 'metadata.usage_object')], ''), nullIf(strs[indexOf(keys, 'llm.openai.usage')], ''),
            nullIf(strs[indexOf(keys, 'llm.anthropic.usage')], '')) AS repr_blob,
        -- Usage as a Python dict in text: close enough to JSON once quotes and constants are changed.
        multiIf(json_blob IS NOT NULL, json_blob, repr_blob IS NOT NULL,
            replaceRegexpAll(replaceAll(repr_blob, '''', '"'), '\\b(None|True|False)\\b', 'null'), '') AS blob
    FROM
    (
        SELECT segment, project, received_ns, environment, service, instance, resource_feature, ss.scope.name AS scope, ss.spans AS spans_of_scope
        FROM
        (
            SELECT
                segment, project, received_ns,
                rs.scope_spans AS scopes,
                rs.resource_attributes.key AS rkeys,
                rs.resource_attributes.value.string_value AS rvals,
                coalesce(nullIf(rvals[indexOf(rkeys, 'deployment.environment.name')], ''), nullIf(rvals[indexOf(rkeys, 'deployment.environment')], ''), '') AS environment,
                rvals[indexOf(rkeys, 'service.name')] AS service,
                rvals[indexOf(rkeys, 'service.instance.id')] AS instance,
                rvals[indexOf(rkeys, 'breakeven.feature')] AS resource_feature
            FROM otlp
            ARRAY JOIN resource_spans AS rs
        )
        ARRAY JOIN scopes AS ss
    )
    ARRAY JOIN spans_of_scope AS s
)
