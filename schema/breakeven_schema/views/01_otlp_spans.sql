-- The third step: what was looked up is judged. Read it from the inside out: guesses are told from reports, then totals
-- and subsets are set right, then it is decided what is a call and what its dollars rest on. An alias that is used ten
-- times in one layer is planned ten times: hence the layers.
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
            OR input_reported IS NOT NULL OR output_reported IS NOT NULL OR cost_reported IS NOT NULL OR used OR source != '') AS is_call,
    seq,
    seq_source,
    project,
    fromUnixTimestamp64Micro(toInt64(intDiv(if(clock_ok, start_ns, received_ns), 1000)), 'UTC') AS ts,
    trace_id,
    span_id,
    -- Without a response id another tool's record of a call is tied to the call's own span by identity, and is not below it:
    -- what stands below a call in its trace is a call of its own.
    if(source != '' AND response_id = '', '', parent_told) AS parent_span_id,
    multiIf(response_id != '', sipHash64('response', response_id),
        -- Logfire reports a stream twice and without an id: when it opens, and as a log entry when it ends. What failed to
        -- open has no entry.
        startsWith(scope, 'logfire.') AND NOT failed, sipHash64('logfire', service, instance, request_data),
        sipHash64('span', trace_id, if(source != '' AND parent_told != '', parent_told, span_id))) AS identity,
    environment,
    service,
    payer.3 AS feature,
    payer.2 AS feature_source,
    -- A span is nearer to the application than another tool's record of the same call.
    payer.1 + if(source = '' OR payer.1 = 0, 0, 10) AS feature_rank,
    task,
    run,
    tenant,
    user_id,
    session_id,
    tags,
    scope,
    multiIf(startsWith(scope, 'com.anthropic'), 0,
        scope = 'breakeven' OR scope LIKE '%.genai.%' OR scope LIKE '%google\_genai%' OR scope LIKE '%util.genai%', 1,
        scope = 'litellm/raw', 3, source != '', 4, 2) AS scope_rank,
    source,
    their_cost_usd,
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
            SELECT * EXCEPT (start_ns, parent_span_id),
                parent_span_id AS parent_told,
                -- 17: the length of the prefix.
                if(startsWith(scope, 'breakeven.import.'), substring(scope, 18), '') AS source,
                -- OpenLIT counts by itself where a stream reports nothing, and puts its guess where reports stand. It
                -- leaves out the cache then.
                scope = 'openlit.instrumentation.openai' AND stream AND operation = 'chat' AND NOT has_cache_read AS guessed,
                if(guessed, NULL, input_told) AS input_reported,
                if(guessed, NULL, output_told) AS output_reported,
                -- The log entry is written when the stream ends: it began that much earlier.
                start_ns - toUInt64(stream_log_seconds * 1e9) AS start_ns
            FROM otlp_names
        )
    )
)
