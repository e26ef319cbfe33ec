-- The first of three steps from OTLP to spans: requests are opened, a row a span, its attributes as arrays side by side.
-- Three small views with tables of engine Null between them and not one nested query: ClickHouse plans a view anew for
-- each insert, and plans the inner layers again for each layer around them (docs/design/0002-ledger-passes.md).
-- Nothing here may throw: ids, numbers and text come from strangers, so only functions that are total (…OrNull,
-- JSONExtract, extract) stand in these views, and a bad value becomes "unknown".
CREATE MATERIALIZED VIEW IF NOT EXISTS otlp_attributes_of_requests TO otlp_attributes AS
-- What many of the look-ups ask for: how it ended, and usage that is hidden in text.
WITH
    (k) -> strs[indexOf(keys, k)] AS text,
    (k) -> bools[indexOf(keys, k)] != 0 OR lower(strs[indexOf(keys, k)]) = 'true' AS flag
SELECT *,
    text('error.type') AS error_told,
    -- Some say what went wrong only in the status: "RateLimitError: Error code: 429 - …". The text may
    -- quote a prompt, so no more of it is kept than the name of the error.
    if(error_told != '' OR status_code != 2, error_told,
        extract(status_message, '^(?:An error occurred \\()?(?:\\w+\\.)*(\\w*(?:Error|Exception))\\b')) AS error_type,
    status_code = 2 OR error_told != '' AS failed,
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
        segment, project, received_ns, environment, service, instance, resource_feature,
        s.trace_id AS trace_id, s.span_id AS span_id, s.parent_span_id AS parent_span_id, s.name AS span_name,
        s.start_time_unix_nano AS start_ns, s.end_time_unix_nano AS end_ns,
        s.status.code AS status_code, s.status.message AS status_message,
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
        multiIf(scope_told = 'litellm' AND span_name = 'raw_gen_ai_request', 'litellm/raw',
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
