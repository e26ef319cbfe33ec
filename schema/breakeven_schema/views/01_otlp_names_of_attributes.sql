-- The second step, and the one place where dialects become one form: the names that instrumentations use are looked up.
-- Names and their order: docs/dialects.md. First present wins.
CREATE MATERIALIZED VIEW IF NOT EXISTS otlp_names_of_attributes TO otlp_names AS
WITH
    (k) -> strs[indexOf(keys, k)] AS text,
    (k) -> numbers[indexOf(keys, k)] AS int,
    (k) -> bools[indexOf(keys, k)] != 0 OR lower(strs[indexOf(keys, k)]) = 'true' AS flag,
    (k) -> if(has(keys, k), toDecimal128OrNull(multiIf(strs[indexOf(keys, k)] != '', strs[indexOf(keys, k)],
        dbls[indexOf(keys, k)] != 0, toString(dbls[indexOf(keys, k)]), toString(ints[indexOf(keys, k)])), 15), NULL) AS dec,
    (k) -> if(blob = '', NULL, sane(JSONExtract(blob, k, 'Nullable(Int64)'))) AS blob_int,
    (k1, k2) -> if(blob = '', NULL, sane(JSONExtract(blob, k1, k2, 'Nullable(Int64)'))) AS blob_int2,
    (n) -> if(n BETWEEN 0 AND 1000000000, n, NULL) AS sane,
    (name) -> if(vercel_metadata = '', NULL, sane(toInt64OrNull(extract(vercel_metadata, concat('"', name, '":(\\d+)'))))) AS vercel_detail,
    -- Langfuse's own form has buckets side by side: input, input_cached_tokens, input_audio_tokens, …
    (prefix) -> arraySum(x -> if(x.2 BETWEEN 0 AND 1000000000, x.2, 0), arrayFilter(x -> startsWith(x.1, prefix), JSONExtractKeysAndValues(assumeNotNull(blob), 'Int64'))) AS buckets
SELECT
    segment, project, received_ns, environment, service, instance, scope, operation, openinference_kind,
    trace_id, span_id, parent_span_id, span_name, start_ns, end_ns,
    start_ns BETWEEN 1577836800000000000 AND received_ns + 86400000000000 AS clock_ok,

    -- tokens as the dialect reports them
    coalesce(int('gen_ai.usage.input_tokens'), int('gen_ai.usage.prompt_tokens'), int('llm.token_count.prompt'),
        int('llm.usage.prompt_tokens'), int('ai.usage.inputTokens'), int('ai.usage.promptTokens'), int('ai.usage.tokens')) AS input_attribute,
    coalesce(int('gen_ai.usage.output_tokens'), int('gen_ai.usage.completion_tokens'), int('llm.token_count.completion'),
        int('llm.usage.completion_tokens'), int('ai.usage.outputTokens'), int('ai.usage.completionTokens')) AS output_attribute,
    -- Elsewhere a blob only adds detail: agents and tasks carry one with the sum of their calls.
    input_attribute IS NULL AND output_attribute IS NULL AND blob != '' AND scope IN ('langfuse-sdk', 'litellm/raw') AS input_from_blob,
    JSONHas(blob, 'input') AS blob_is_buckets,
    scope = 'gcp.vertex.agent' AND span_name = 'call_llm' AS is_adk_1,
    -- Google's agent kit before 2 leaves thoughts and the prompts of tools out of its totals.
    multiIf(is_adk_1, input_attribute + ifNull(blob_int('tool_use_prompt_token_count'), 0),
        NOT input_from_blob, input_attribute, blob_is_buckets, buckets('input'),
        coalesce(blob_int('prompt_tokens'), blob_int('input_tokens'))) AS input_told,
    multiIf(is_adk_1, output_attribute + ifNull(blob_int('thoughts_token_count'), 0),
        NOT input_from_blob, output_attribute, blob_is_buckets, if(JSONHas(blob, 'output'), buckets('output'), NULL),
        coalesce(blob_int('completion_tokens'), blob_int('output_tokens'))) AS output_told,
    int('gen_ai.usage.total_tokens') AS total_told,
    -- The AI SDK has details of its own from 6 on; before, only what the provider said.
    text('ai.response.providerMetadata') AS vercel_metadata,
    position(vercel_metadata, '"anthropic"') > 0 AND NOT has(keys, 'ai.usage.inputTokenDetails.cacheReadTokens') AS vercel_is_beside,
    JSONHas(blob, 'input_tokens') AND (JSONHas(blob, 'cache_read_input_tokens') OR JSONHas(blob, 'cache_creation_input_tokens')) AS blob_is_anthropics,
    hasAny(keys, ['gen_ai.usage.cache_read.input_tokens', 'gen_ai.usage.cache_read_input_tokens',
        'llm.token_count.prompt_details.cache_read']) AS has_cache_read,
    coalesce(int('gen_ai.usage.cache_read.input_tokens'), int('gen_ai.usage.cache_read_input_tokens'),
        int('llm.token_count.prompt_details.cache_read'), int('ai.usage.cachedInputTokens'), int('ai.usage.inputTokenDetails.cacheReadTokens'),
        vercel_detail('cachedPromptTokens'), vercel_detail('cacheReadInputTokens'), vercel_detail('cache_read_input_tokens'),
        blob_int('cached_content_token_count'), 
        -- LiteLLM's blob for OpenAI says 0 here and the truth in the details
        nullIf(blob_int('cache_read_input_tokens'), 0),
        blob_int2('prompt_tokens_details', 'cached_tokens'), blob_int2('input_tokens_details', 'cached_tokens'),
        blob_int('input_cached_tokens'), blob_int('input_cache_read'), 0) AS cache_read_told,
    coalesce(int('gen_ai.usage.cache_write.input_tokens'), int('gen_ai.usage.cache_creation.input_tokens'),
        int('gen_ai.usage.cache_creation_input_tokens'), int('gen_ai.usage.cache_write_input_tokens'),
        vercel_detail('cacheCreationInputTokens'), vercel_detail('cache_creation_input_tokens'), int('llm.token_count.prompt_details.cache_write'), int('ai.usage.inputTokenDetails.cacheWriteTokens'),
        -- a blob repeats what the attributes say; it counts only where they say nothing of the cache
        if(has_cache_read, NULL, coalesce(blob_int('cache_creation_input_tokens'),
            blob_int2('prompt_tokens_details', 'cache_write_tokens'), blob_int2('input_tokens_details', 'cache_write_tokens'),
            blob_int('input_cache_creation'))), 0) AS cache_write_told,
    coalesce(int('anthropic.usage.cache_creation.ephemeral_1h_input_tokens'),
        int('gen_ai.usage.details.ephemeral_1h_input_tokens'),
        vercel_detail('ephemeral_1h_input_tokens'),
        blob_int2('cache_creation', 'ephemeral_1h_input_tokens'), 0) AS cache_write_1h_told,
    coalesce(int('gen_ai.usage.reasoning.output_tokens'), int('gen_ai.usage.reasoning_tokens'),
        int('gen_ai.usage.details.reasoning_tokens'), int('llm.token_count.completion_details.reasoning'), int('ai.usage.reasoningTokens'), int('ai.usage.outputTokenDetails.reasoningTokens'),
        vercel_detail('reasoningTokens'), blob_int('thoughts_token_count'),
        blob_int2('completion_tokens_details', 'reasoning_tokens'), blob_int2('output_tokens_details', 'reasoning_tokens'), blob_int('output_reasoning_tokens'), 0) AS reasoning_told,
    coalesce(int('gen_ai.usage.audio.input_tokens'), int('gen_ai.usage.details.input_audio_tokens'),
        int('llm.token_count.prompt_details.audio'), blob_int2('prompt_tokens_details', 'audio_tokens'), blob_int('input_audio_tokens'), 0) AS audio_in_told,
    coalesce(int('gen_ai.usage.audio.output_tokens'), int('gen_ai.usage.details.output_audio_tokens'),
        int('llm.token_count.completion_details.audio'), blob_int2('completion_tokens_details', 'audio_tokens'), blob_int('output_audio_tokens'), 0) AS audio_out_told,
    coalesce(int('gen_ai.usage.image.input_tokens'), blob_int2('input_tokens_details', 'image_tokens'), 0) AS image_in_told,
    coalesce(int('gen_ai.usage.image.output_tokens'), blob_int2('output_tokens_details', 'image_tokens'), 0) AS image_out_told,
    (has(keys, 'gen_ai.usage.input_tokens') AND int('gen_ai.usage.input_tokens') IS NULL)
        OR (has(keys, 'gen_ai.usage.output_tokens') AND int('gen_ai.usage.output_tokens') IS NULL) AS bad_tokens,
    int('breakeven.estimated.input_tokens') AS estimated_input,
    int('breakeven.estimated.output_tokens') AS estimated_output,
    flag('breakeven.estimated.incomplete') AS estimate_incomplete,

    -- what was used beside tokens
    coalesce(int('gen_ai.usage.details.web_search_requests'), blob_int2('server_tool_use', 'web_search_requests'),
        if(metadata = '', NULL, sane(JSONExtract(metadata, 'server_tool_use', 'web_search_requests', 'Nullable(Int64)'))), 0) AS web_searches,
    mapFilter((k, v) -> v > 0 AND v <= 1000000000, mapUpdate(
        map('web_search', toDecimal128(web_searches, 6),
            'code_execution', toDecimal128(coalesce(int('gen_ai.usage.details.code_execution_requests'), blob_int2('server_tool_use', 'code_execution_requests'), 0), 6),
            'audio_second', toDecimal128(ifNull(blob_int('prompt_audio_seconds'), 0), 6)),
        mapFromArrays(
            arrayMap(k -> substring(k, length('breakeven.meter.') + 1), arrayFilter(k -> startsWith(k, 'breakeven.meter.') AND k != 'breakeven.meter.', keys)),
            arrayMap(k -> ifNull(toDecimal128OrNull(multiIf(strs[indexOf(keys, k)] != '', strs[indexOf(keys, k)],
                dbls[indexOf(keys, k)] != 0, toString(dbls[indexOf(keys, k)]), toString(ints[indexOf(keys, k)])), 6), toDecimal128(0, 6)),
                arrayFilter(k -> startsWith(k, 'breakeven.meter.') AND k != 'breakeven.meter.', keys))))) AS meters,

    -- how it ended
    error_type,
    failed,
    multiIf(
        ifNull(int('http.response.status_code'), 0) BETWEEN 1 AND 999, toUInt16(ifNull(int('http.response.status_code'), 0)),
        ifNull(int('http.status_code'), 0) BETWEEN 1 AND 999, toUInt16(ifNull(int('http.status_code'), 0)),
        NOT failed, 0,
        ifNull(int('litellm.provider.error.code'), 0) BETWEEN 1 AND 999, toUInt16(ifNull(int('litellm.provider.error.code'), 0)),
        match(error_type, '^[1-5][0-9][0-9]$'), ifNull(toUInt16OrNull(error_type), 0),
        match(status_message, '^(?:\\w+: )?(?:Error code: |status_code: |Error getting response: \\{.error.: .Error code: |An error occurred \\()?[1-5][0-9][0-9]\\b'),
            ifNull(toUInt16OrNull(extract(status_message, '^(?:\\w+: )?(?:Error code: |status_code: |Error getting response: \\{.error.: .Error code: |An error occurred \\()?([1-5][0-9][0-9])\\b')), 0),
        match(error_type, '(?i)rate.?limit|throttl|resource.?exhausted'), 429,
        match(error_type, '(?i)authentication|unauthori[sz]ed'), 401,
        match(error_type, '(?i)permission.?denied|access.?denied'), 403,
        match(error_type, '(?i)not.?found'), 404,
        match(error_type, '(?i)bad.?request|invalid.?request|validation'), 400,
        match(error_type, '(?i)unprocessable'), 422, 0) AS http_status,
    flag('breakeven.retry') AS says_retry,
    toUInt16(least(ifNull(int('http.request.resend_count'), 0), 1000)) AS resends,
    -- A cost of 0 is what instrumentations send when they know no price; only breakeven.record means it. What a
    -- gateway computes for an answer from its own cache is owed to nobody.
    if(gateway_cache, NULL, if(scope = 'breakeven' AND dec('gen_ai.usage.cost.amount') = 0, toDecimal128(0, 15), nullIf(arrayFirst(
        c -> c > 0 AND c < 1000000, arrayMap(c -> ifNull(c, toDecimal128(0, 15)), [dec('gen_ai.usage.cost.amount'),
        dec('gen_ai.usage.cost'), dec('gen_ai.cost.total_cost'), dec('operation.cost'),
        dec('llm.cost.total'), dec('litellm.cost.total'),
        if(scope = 'langfuse-sdk', toDecimal128OrNull(JSONExtractRaw(text('langfuse.observation.cost_details'), 'total'), 15), NULL)])), 0))) AS cost_reported,
    gateway_cache,
    -- What another tool computed for a call that is imported from it: shown beside the price, never taken for it.
    toDecimal128OrNull(text('breakeven.import.their_cost_usd'), 15) AS their_cost_usd,

    -- which call it was
    coalesce(nullIf(text('gen_ai.response.id'), ''), nullIf(text('ai.response.id'), ''),
        if(startsWith(scope, 'logfire.'), nullIf(text('response_id'), ''), NULL),
        if(scope = 'langfuse-sdk', nullIf(trim(BOTH '"' FROM text('langfuse.observation.metadata.id')), ''), NULL),
        -- OpenInference has the id only in the answer; the input may hold earlier ones
        nullIf(extract(output_value, '"id": ?"(chatcmpl-[\\w-]{6,}|resp_\\w{6,}|msg_\\w{6,})"'), ''),
        -- LiteLLM gives Anthropic's answers ids of its own
        if(raw_provider IN ('', 'anthropic', 'None'), NULL, nullIf(text(concat('llm.', raw_provider, '.id')), '')), '') AS response_id,
    lower(coalesce(nullIf(text('gen_ai.provider.name'), ''), nullIf(text('gen_ai.system'), ''),
        nullIf(text('llm.provider'), ''), nullIf(text('llm.system'), ''), nullIf(text('ai.model.provider'), ''),
        nullIf(raw_provider, ''), nullIf(extract(text('litellm.provider.model'), '^([^/]+)/'), ''), '')) AS provider_or_api,
    -- Vercel names the API with the provider: openai.chat
    if(vercel_operation != '', splitByChar('.', provider_or_api)[1], provider_or_api) AS provider_told,
    coalesce(nullIf(text('gen_ai.response.model'), ''), nullIf(text('llm.response.model_name'), ''),
        nullIf(text('llm.model_name'), ''), nullIf(text('langfuse.observation.model.name'), ''),
        nullIf(text('embedding.model_name'), ''), nullIf(text('gen_ai.request.model'), ''),
        nullIf(text('ai.model.id'), ''), if(raw_provider = '', NULL, nullIf(text(concat('llm.', raw_provider, '.model')), '')), '') AS model,
    lower(coalesce(nullIf(text('openai.response.service_tier'), ''), nullIf(text('gen_ai.openai.response.service_tier'), ''),
        nullIf(text('anthropic.response.service_tier'), ''), nullIf(text('openai.request.service_tier'), ''),
        nullIf(text('gen_ai.openai.request.service_tier'), ''), '')) AS tier,
    lower(coalesce(nullIf(text('anthropic.response.speed'), ''), nullIf(text('gen_ai.response.speed'), ''), '')) AS speed_told,
    flag('gen_ai.request.stream') OR flag('gen_ai.is_streaming') OR flag('llm.is_streaming') OR flag('litellm.request.streaming') OR startsWith(vercel_operation, 'ai.stream') AS stream,
    flag('breakeven.wrapper') AS says_wrapper,
    has(keys, 'traceloop.span.kind') AS has_traceloop_kind,
    has(keys, 'llm.request.type') AS has_request_type,
    text('langfuse.observation.type') AS langfuse_type,
    text('request_data') AS request_data,
    stream_log_seconds,
    vercel_operation,
    operation IN ('', 'chat', 'text_completion', 'generate_content', 'completion', 'acompletion', 'atext_completion',
        'responses', 'aresponses') AND openinference_kind != 'EMBEDDING' AND NOT hasAny(keys, ['gen_ai.embeddings.dimension.count', 'embedding.model_name'])
        AND positionCaseInsensitive(vercel_operation, 'embed') = 0 AND langfuse_type != 'embedding'
        AND text('llm.request.type') != 'embedding' AS talks,
    operation IN ('chat', 'text_completion', 'generate_content', 'embeddings', 'completion', 'acompletion',
        'atext_completion', 'aembedding', 'embedding', 'responses', 'aresponses') AS billable_operation,

    -- whose it was, in order of trust: the place in this list is feature_rank
    arrayFirst(f -> f.3 != '', [
        (1, 'declared', text('breakeven.feature')),
        (2, 'declared', text('feature')),
        (3, 'declared', text('traceloop.association.properties.feature')),
        (4, 'declared', if(metadata = '', '', JSONExtractString(metadata, 'feature'))),
        (5, 'declared', trim(BOTH '"' FROM text('langfuse.trace.metadata.feature'))),
        (6, 'declared', extract(text('metadata.requester_metadata'), '\'feature\': \'([^\']*)\'')),
        (7, 'declared', text('ai.telemetry.metadata.feature')),
        (8, 'declared', resource_feature),
        (20, 'inferred', workflow),
        (21, 'inferred', agent)]) AS payer,
    -- LangChain's names of building blocks say nothing about what is built
    coalesce(nullIf(text('traceloop.workflow.name'), ''), if(match(text('gen_ai.workflow.name'), '^(?:Runnable|LangGraph$)'), NULL, nullIf(text('gen_ai.workflow.name'), '')),
        nullIf(text('ai.telemetry.functionId'), ''), nullIf(text('langfuse.trace.name'), ''), '') AS workflow,
    text('gen_ai.agent.name') AS agent,
    coalesce(nullIf(text('gen_ai.prompt.name'), ''), nullIf(text('langfuse.observation.prompt.name'), ''), '') AS prompt,
    -- The name of a key, never the key.
    coalesce(nullIf(text('breakeven.provider.key'), ''), nullIf(text('metadata.user_api_key_alias'), ''), '') AS provider_key,
    coalesce(nullIf(text('breakeven.provider.project'), ''), nullIf(text('metadata.user_api_key_project_alias'), ''),
        nullIf(text('metadata.user_api_key_team_alias'), ''), '') AS provider_project,
    -- http.route of a client's span is the provider's route
    text('breakeven.route') AS route,
    text('breakeven.task') AS task,
    text('breakeven.run') AS run,
    coalesce(nullIf(text('breakeven.tenant'), ''), nullIf(text('tenant'), ''),
        nullIf(text('traceloop.association.properties.tenant'), ''), '') AS tenant,
    coalesce(nullIf(text('user.id'), ''), nullIf(text('enduser.id'), ''), nullIf(text('llm.user'), ''),
        nullIf(text('traceloop.association.properties.user_id'), ''), nullIf(text('ai.telemetry.metadata.userId'), ''), '') AS user_id,
    coalesce(nullIf(text('session.id'), ''), nullIf(text('gen_ai.conversation.id'), ''), nullIf(text('ai.telemetry.metadata.sessionId'), ''), '') AS session_id,
    mapFromArrays(
        arrayMap(k -> substring(k, length('breakeven.tag.') + 1), arrayFilter(k -> startsWith(k, 'breakeven.tag.'), keys)),
        arrayMap(k -> strs[indexOf(keys, k)], arrayFilter(k -> startsWith(k, 'breakeven.tag.'), keys))) AS tags,
    toUInt64(ifNull(int('breakeven.seq'), 0)) AS seq,
    coalesce(nullIf(text('breakeven.seq.source'), ''), instance) AS seq_source
FROM otlp_attributes
