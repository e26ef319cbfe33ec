-- The one place where dialects become one form. It must never throw: ids, numbers and text come from strangers, so only
-- functions that are total (…OrNull, JSONExtract, extract) stand here, and a bad value becomes "unknown".
-- Names and their order: docs/dialects.md. First present wins.
-- Read it from the inside out: the request is opened, names are looked up, guesses are told from reports, then totals and
-- subsets are set right. The layers are there for speed too: ClickHouse plans this anew for each insert, and an alias
-- that is used ten times in one layer is planned ten times.
CREATE MATERIALIZED VIEW IF NOT EXISTS otlp_spans TO spans AS
WITH (SELECT (maxIf(sealed_before, closed), max(sealed_before), max(from_ns)) FROM seals) AS seal
SELECT
    segment,
    -- Not a call: an operation that only contains calls, a wrapper that says so, a second span of the same instrumentation.
    NOT says_wrapper
        AND openinference_kind IN ('', 'LLM', 'EMBEDDING')
        AND operation NOT IN ('invoke_agent', 'invoke_workflow', 'create_agent', 'execute_tool', 'execute_task',
            'execute_event_loop_cycle', 'agent_step', 'retrieval', 'plan', 'handoff', 'guardrail')
        AND NOT endsWith(operation, '_memory')
        AND NOT has_traceloop_kind
        AND NOT (scope = 'pydantic-ai' AND span_name = 'agent run')
        AND NOT (scope = 'litellm/raw' AND NOT used)
        -- Vercel's AI SDK: the outer span sums up its steps, and each step has a span of its own.
        AND NOT (startsWith(vercel_operation, 'ai.') AND position(vercel_operation, '.do') = 0)
        AND langfuse_type IN ('', 'generation', 'embedding')
        -- LlamaIndex: a step before the call, of the kind LLM.
        AND NOT endsWith(span_name, '._prepare_chat_with_tools')
        AND (billable_operation OR vercel_operation != '' OR openinference_kind != '' OR langfuse_type != '' OR has_request_type
            OR input_reported IS NOT NULL OR output_reported IS NOT NULL OR cost_reported IS NOT NULL OR used) AS is_call,
    seq,
    seq_source,
    project,
    fromUnixTimestamp64Micro(toInt64(intDiv(if(clock_ok, start_ns, received_ns), 1000)), 'UTC') AS ts,
    trace_id,
    span_id,
    parent_span_id,
    multiIf(response_id != '', sipHash64('response', response_id),
        -- Logfire reports a stream twice and without an id: when it opens, and as a log entry when it ends. What failed to
        -- open has no entry.
        startsWith(scope, 'logfire.') AND NOT failed, sipHash64('logfire', service, instance, request_data),
        sipHash64('span', trace_id, span_id)) AS identity,
    environment,
    service,
    payer.3 AS feature,
    payer.2 AS feature_source,
    payer.1 AS feature_rank,
    task,
    run,
    tenant,
    user_id,
    session_id,
    tags,
    scope,
    multiIf(startsWith(scope, 'com.anthropic'), 0,
        scope = 'breakeven' OR scope LIKE '%.genai.%' OR scope LIKE '%google\_genai%' OR scope LIKE '%util.genai%', 1,
        scope = 'litellm/raw', 3, 2) AS scope_rank,
    operation,
    -- A framework is not who sends the bill: then the model's name has to tell.
    transform(provider_told, ['gemini', 'google_genai', 'strands-agents', 'gcp.vertex.agent'], ['gcp.gemini', 'gcp.gemini', '', '']) AS provider,
    model,
    arrayStringConcat(arrayFilter(c -> c != '', [
        if(tier IN ('', 'auto', 'default', 'standard', 'standard_only', 'batch'), '', concat('service_tier=', tier)),
        if(tier = 'batch', 'processing=batch', ''),
        if(speed_told IN ('', 'standard'), '', concat('speed=', speed_told))]), ';') AS price_context,
    response_id,
    input_total AS input_tokens,
    cache_read_told AS cache_read_tokens,
    cache_write_told - cache_write_1h AS cache_write_5m_tokens,
    cache_write_1h AS cache_write_1h_tokens,
    audio_in AS audio_input_tokens,
    least(image_in_told, uncached - audio_in) AS image_input_tokens,
    output_reported AS output_tokens,
    reasoning AS reasoning_tokens,
    audio_out AS audio_output_tokens,
    least(image_out_told, output_total - reasoning - audio_out) AS image_output_tokens,
    meters,
    cost_reported AS reported_cost_usd,
    stream,
    failed,
    error_type,
    http_status,
    multiIf(cost_reported IS NOT NULL, 'reported',
        -- Answered by a gateway from its own cache: nobody was called, nothing is owed.
        gateway_cache, 'gateway_cache',
        used, if(usage_complete, 'usage', 'partial'),
        -- Turned away before work costs nothing; what was lost on the way may have been worked on.
        failed AND http_status IN (400, 401, 403, 404, 413, 422, 429), 'refused', failed, 'lost', 'unknown') AS basis,
    arrayFilter(m -> m != '', [
        if(clock_ok, '', 'start_time'),
        if(bad_tokens, 'tokens', ''),
        if(guessed, 'guessed', ''),
        if(audio_in != audio_in_told OR image_input_tokens != image_in_told OR reasoning != reasoning_told OR audio_out != audio_out_told
            OR image_output_tokens != image_out_told OR cache_write_1h != cache_write_1h_told, 'subsets', '')]) AS mended,
    if(stream_log_seconds > 0, toUInt64(stream_log_seconds * 1e6), intDiv(greatest(end_ns, start_ns) - start_ns, 1000)) AS duration_us,
    received_ns,
    if(feature_source = 'declared', 0,
        sipHash64(environment, service, provider, model, provider_key, provider_project, route, agent, workflow, prompt)) AS origin_id,
    provider_key,
    provider_project,
    route,
    agent,
    workflow,
    prompt,
    says_retry OR resends > 0 AS retry,
    resends,
    if(guessed, coalesce(estimated_input, input_told), estimated_input) AS estimated_input_tokens,
    if(guessed, coalesce(estimated_output, output_told), estimated_output) AS estimated_output_tokens,
    estimate_incomplete,
    -- The minute is sealed: for all that comes now, or for what the collector took since. A request is late or not
    -- whenever it lands, and however often.
    ts < seal.1 OR (ts < seal.2 AND received_ns >= seal.3) AS late
FROM
(
    -- Totals that include their subsets; a subset never exceeds its total.
    SELECT *,
        least(cache_write_1h_told, cache_write_told) AS cache_write_1h,
        least(audio_in_told, uncached) AS audio_in,
        least(reasoning_told, output_total) AS reasoning,
        least(audio_out_told, output_total - least(reasoning_told, output_total)) AS audio_out,
        ifNull(input_total, 0) + output_total > 0 OR length(meters) > 0 AS used,
        -- A conversation has input and output; embeddings, images, speech may have one of them or only meters.
        NOT bad_tokens AND (NOT talks OR (input_reported IS NOT NULL AND output_reported IS NOT NULL)) AS usage_complete
    FROM
    (
        SELECT *,
            -- The usage of Anthropic and Bedrock has the cached tokens beside the input; OpenLIT, botocore's instrumentation
            -- and some blobs pass it on as it is. Elsewhere they stand beside it where only so the parts make up the total
            -- that is told, or where they exceed the input.
            if(scope = 'openlit.instrumentation.anthropic' OR endsWith(scope, '.botocore.bedrock-runtime') OR (input_from_blob AND blob_is_anthropics)
                    OR vercel_is_beside
                    OR (cache_read_told + cache_write_told > 0 AND total_told = input_reported + cache_read_told + cache_write_told + output_reported)
                    OR cache_read_told + cache_write_told > ifNull(input_reported, 0),
                if(input_reported IS NULL AND cache_read_told + cache_write_told = 0, NULL, ifNull(input_reported, 0) + cache_read_told + cache_write_told),
                input_reported) AS input_total,
            ifNull(input_total, 0) - cache_read_told - cache_write_told AS uncached,
            ifNull(output_reported, 0) AS output_total
        FROM
        (
            SELECT * EXCEPT (start_ns),
                -- OpenLIT counts by itself where a stream reports nothing, and puts its guess where reports stand. It
                -- leaves out the cache then.
                scope = 'openlit.instrumentation.openai' AND stream AND operation = 'chat' AND NOT has_cache_read AS guessed,
                if(guessed, NULL, input_told) AS input_reported,
                if(guessed, NULL, output_told) AS output_reported,
                -- The log entry is written when the stream ends: it began that much earlier.
                start_ns - toUInt64(stream_log_seconds * 1e9) AS start_ns
            FROM
            (
                -- Names looked up.
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
                    s.trace_id AS trace_id, s.span_id AS span_id, s.parent_span_id AS parent_span_id, s.name AS span_name,
                    s.start_time_unix_nano AS start_ns, s.end_time_unix_nano AS end_ns,
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
                        match(s.status.message, '^(?:\\w+: )?(?:Error code: |status_code: |Error getting response: \\{.error.: .Error code: |An error occurred \\()?[1-5][0-9][0-9]\\b'),
                            ifNull(toUInt16OrNull(extract(s.status.message, '^(?:\\w+: )?(?:Error code: |status_code: |Error getting response: \\{.error.: .Error code: |An error occurred \\()?([1-5][0-9][0-9])\\b')), 0),
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
                FROM
                (
                    -- What many of the look-ups ask for: how it ended, and usage that is hidden in text.
                    WITH
                        (k) -> strs[indexOf(keys, k)] AS text,
                        (k) -> bools[indexOf(keys, k)] != 0 OR lower(strs[indexOf(keys, k)]) = 'true' AS flag
                    SELECT *,
                        text('error.type') AS error_told,
                        -- Some say what went wrong only in the status: "RateLimitError: Error code: 429 - …". The text may
                        -- quote a prompt, so no more of it is kept than the name of the error.
                        if(error_told != '' OR s.status.code != 2, error_told,
                            extract(s.status.message, '^(?:An error occurred \\()?(?:\\w+\\.)*(\\w*(?:Error|Exception))\\b')) AS error_type,
                        s.status.code = 2 OR error_told != '' AS failed,
                        flag('breakeven.gateway.cache_hit') OR flag('gen_ai.response.cache_hit') OR flag('litellm.cache_hit')
                            OR flag('metadata.cache_hit') OR flag('llm.cache_hit')
                            -- LiteLLM tells the key that the answer was found under, or else that it came from no address
                            OR (hidden_params != '' AND NOT failed AND (JSONExtractString(hidden_params, 'cache_key') != ''
                                OR (JSONType(hidden_params, 'api_base') = 'String' AND JSONExtractString(hidden_params, 'api_base') = ''
                                    AND JSONExtractRaw(hidden_params, 'additional_headers') = '{}'))) AS gateway_cache,
                        if(scope = 'litellm/raw', extract(arrayFirst(k -> startsWith(k, 'llm.') AND endsWith(k, '.usage'), keys), '^llm\\.([^.]+)\\.usage$'), '') AS raw_provider,
                        coalesce(nullIf(strs[indexOf(keys, 'gen_ai.usage.raw')], ''), nullIf(strs[indexOf(keys, 'langfuse.observation.usage_details')], ''),
                            if(scope = 'gcp.vertex.agent', nullIf(JSONExtractRaw(strs[indexOf(keys, 'gcp.vertex.agent.llm_response')], 'usage_metadata'), ''), NULL),
                            if(startsWith(scope, 'logfire.'), nullIf(strs[indexOf(keys, 'usage')], ''), NULL),
                            if(startsWith(scope, 'openinference.'), nullIf(JSONExtractRaw(output_value, 'usage'), ''), NULL)) AS json_blob,
                        coalesce(nullIf(strs[indexOf(keys, 'metadata.usage_object')], ''),
                            if(raw_provider = '', NULL, nullIf(strs[indexOf(keys, concat('llm.', raw_provider, '.usage'))], ''))) AS repr_blob,
                        -- Usage as a Python dict in text: close enough to JSON once quotes and constants are changed.
                        multiIf(json_blob IS NOT NULL, json_blob, repr_blob IS NOT NULL,
                            replaceRegexpAll(replaceAll(repr_blob, '\'', '"'), '\\b(None|True|False)\\b', 'null'), '') AS blob
                    FROM
                    (
                        -- Attributes as arrays side by side; indexOf finds a name as fast as a Map would.
                        SELECT
                            segment, project, received_ns, environment, service, instance, resource_feature, s,
                            s.attributes.key AS keys,
                            s.attributes.value.int_value AS ints,
                            s.attributes.value.string_value AS strs,
                            s.attributes.value.double_value AS dbls,
                            s.attributes.value.bool_value AS bools,
                            -- A count may come as int, text or float. A stranger's 9e18 must not poison a sum: outside 0…1e9 it is unknown.
                            -- What is no number at all (a bool) is unknown too; an absent int and 0 look the same.
                            arrayMap(n -> if(n BETWEEN 0 AND 1000000000, n, NULL), arrayMap((i, t, d, b) -> multiIf(
                                i != 0, i, t != '', toInt64OrNull(t), b != 0, NULL, abs(d) < 9e15, toInt64(d),
                                NULL), ints, strs, dbls, bools)) AS numbers,
                            -- LiteLLM repeats each answer in a span of its own; under an open or ended parent span of the
                            -- application it is the only one left. Logfire writes a stream's usage to a log entry.
                            multiIf(scope_told = 'litellm' AND s.name = 'raw_gen_ai_request', 'litellm/raw',
                                is_stream_log, concat(scope_told, '/stream'), scope_told) AS scope,
                            startsWith(scope_told, 'logfire.') AND strs[indexOf(keys, 'logfire.span_type')] = 'log' AS is_stream_log,
                            if(is_stream_log AND dbls[indexOf(keys, 'duration')] BETWEEN 0 AND 86400, dbls[indexOf(keys, 'duration')], 0) AS stream_log_seconds,
                            strs[indexOf(keys, 'gen_ai.operation.name')] AS operation,
                            strs[indexOf(keys, 'ai.operationId')] AS vercel_operation,
                            strs[indexOf(keys, 'openinference.span.kind')] AS openinference_kind,
                            strs[indexOf(keys, 'metadata')] AS metadata,
                            strs[indexOf(keys, 'hidden_params')] AS hidden_params,
                            strs[indexOf(keys, 'output.value')] AS output_value
                        FROM
                        (
                            SELECT segment, project, received_ns, environment, service, instance, resource_feature,
                                ss.scope.name AS scope_told, ss.spans AS spans_of_scope
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
                )
            )
        )
    )
)
