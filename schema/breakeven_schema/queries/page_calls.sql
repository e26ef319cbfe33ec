-- Calls as they were reported, the newest first, each span once: a screenful of those that fit. `feature` is whoever pays
-- by the rules and aliases of now, as in `spend`. `before` is where the last screenful ended.
SELECT c.* EXCEPT (names), names,
    hex(c.trace_id) AS trace, hex(c.span_id) AS span, hex(c.parent_span_id) AS parent,
    toUnixTimestamp64Micro(c.ts) AS at_us
FROM
(
    SELECT r.*, if(empty(w.parts), [toString(r.feature)], arrayMap(p -> p.1, w.parts)) AS names
    FROM
    (
        SELECT project, ts, trace_id, span_id, parent_span_id, environment, service, feature, feature_source, task, run, tenant,
            user_id, session_id, scope, operation, provider, model, price_context, response_id, identity, input_tokens,
            cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, audio_input_tokens, image_input_tokens,
            output_tokens, reasoning_tokens, audio_output_tokens, image_output_tokens, meters, reported_cost_usd, stream,
            failed, error_type, http_status, basis, mended, duration_us, origin_id, retry, resends,
            estimated_input_tokens, estimated_output_tokens, source, their_cost_usd, toStartOfDay(ts) AS priced_at
        FROM calls
        WHERE (project = {project:String} OR {every_project:Bool})
            AND toStartOfMinute(ts) >= toDateTime({from:UInt32}, 'UTC') AND toStartOfMinute(ts) < toDateTime({to:UInt32}, 'UTC')
            AND ts < fromUnixTimestamp64Micro({before_us:Int64}, 'UTC')
            AND ({environment:String} = '' OR environment = {environment:String})
            AND ({service:String} = '' OR service = {service:String})
            AND ({provider:String} = '' OR provider = {provider:String})
            AND ({model:String} = '' OR model = {model:String})
            AND ({status:String} NOT IN ('ok', 'failed') OR failed = ({status:String} = 'failed'))
            AND ({status:String} != 'missing' OR basis IN ('unknown', 'lost', 'partial'))
            AND ({identity:UInt64} = 0 OR identity = {identity:UInt64})
            AND ({trace:String} = '' OR trace_id = unhex({trace:String}))
            AND ({text:String} = ''
                OR positionCaseInsensitiveUTF8(concat(feature, '\n', model, '\n', service, '\n', tenant, '\n', user_id, '\n',
                    session_id, '\n', run, '\n', task, '\n', response_id, '\n', error_type), {text:String}) != 0
                OR lower(hex(trace_id)) = lower({text:String}) OR lower(hex(span_id)) = lower({text:String}))
        ORDER BY received_ns DESC
        LIMIT 1 BY project, trace_id, span_id
    ) AS r
    ASOF LEFT JOIN attributions_now AS w
        ON w.project = r.project AND w.feature = r.feature AND w.feature_source = r.feature_source
        AND w.origin_id = r.origin_id AND w.environment = r.environment AND r.priced_at >= w.valid_from
) AS c
WHERE {any_feature:Bool} OR has(names, {feature:String})
ORDER BY c.ts DESC, c.span_id
LIMIT {most:UInt32}
