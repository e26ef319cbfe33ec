-- Learn from calls that report usage what to make of those that do not: for every feature and model name of the last 90
-- days, by how much an estimate is off (its own calls, else all calls of the model, else what is known of the family), and
-- what a call usually takes.
INSERT INTO token_ratios (project, feature, name_id, input_ratio, output_ratio, samples, learned_from,
    typical_input_tokens, typical_output_tokens, typical_calls, learned_at)
WITH
    5 AS enough,
    -- Calls that have both; media in the messages is left out of an estimate, so those teach nothing. The ratio is the
    -- median, each call weighing as much as it is long: a few calls with something that no text shows do not move it.
    pairs AS
    (
        SELECT project, feature, sipHash64(provider, model, price_context) AS name_id,
            ifNull(estimated_input_tokens, 0) AS estimated_in, if(estimated_in > 0, input_tokens / estimated_in, 0) AS ratio_in,
            ifNull(estimated_output_tokens, 0) AS estimated_out, if(estimated_out > 0, output_tokens / estimated_out, 0) AS ratio_out
        FROM calls
        WHERE ts >= now() - INTERVAL 90 DAY AND basis IN ('usage', 'reported') AND NOT estimate_incomplete AND NOT failed
            AND (estimated_input_tokens > 0 OR estimated_output_tokens > 0)
    ),
    of_feature AS
    (
        SELECT project, feature, name_id,
            countIf(estimated_in > 0) AS n_in, quantileExactWeighted(0.5)(ratio_in, toUInt64(estimated_in)) AS ratio_in,
            countIf(estimated_out > 0) AS n_out, quantileExactWeighted(0.5)(ratio_out, toUInt64(estimated_out)) AS ratio_out
        FROM pairs
        GROUP BY project, feature, name_id
    ),
    of_model AS
    (
        SELECT project, name_id,
            countIf(estimated_in > 0) AS n_in, quantileExactWeighted(0.5)(ratio_in, toUInt64(estimated_in)) AS ratio_in,
            countIf(estimated_out > 0) AS n_out, quantileExactWeighted(0.5)(ratio_out, toUInt64(estimated_out)) AS ratio_out
        FROM pairs
        GROUP BY project, name_id
    ),
    usual AS
    (
        SELECT project, feature, name_id, any(model) AS model,
            sumIf(calls, basis = 'usage' AND meter = '') AS n,
            sumIf(uncached_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens + audio_input_tokens + image_input_tokens, basis = 'usage') AS tokens_in,
            sumIf(answer_tokens + reasoning_tokens + audio_output_tokens + image_output_tokens, basis = 'usage') AS tokens_out
        FROM spend_cubes
        WHERE grain = 'day' AND at >= now() - INTERVAL 90 DAY AND counted IN ('yes', 'late')
        GROUP BY project, feature, name_id
    ),
    usual_of_model AS
    (
        SELECT project, name_id, sum(n) AS n, sum(tokens_in) AS tokens_in, sum(tokens_out) AS tokens_out
        FROM usual
        GROUP BY project, name_id
    )
SELECT
    u.project AS project, u.feature AS feature, u.name_id AS name_id,
    CAST(multiIf(f.n_in >= enough, f.ratio_in, m.n_in >= enough, m.ratio_in, family) AS Decimal(38, 6)) AS input_ratio,
    CAST(multiIf(f.n_out >= enough, f.ratio_out, m.n_out >= enough, m.ratio_out, family) AS Decimal(38, 6)) AS output_ratio,
    multiIf(f.n_in >= enough, f.n_in, m.n_in >= enough, m.n_in, 0) AS samples,
    multiIf(f.n_in >= enough, 'feature', m.n_in >= enough, 'model', 'family') AS learned_from,
    CAST(multiIf(u.n >= enough, u.tokens_in / u.n, a.n >= enough, a.tokens_in / a.n, NULL) AS Nullable(Decimal(38, 6))) AS typical_input_tokens,
    CAST(multiIf(u.n >= enough, u.tokens_out / u.n, a.n >= enough, a.tokens_out / a.n, NULL) AS Nullable(Decimal(38, 6))) AS typical_output_tokens,
    multiIf(u.n >= enough, u.n, a.n >= enough, a.n, 0) AS typical_calls,
    now64(6) AS learned_at
FROM
(
    SELECT *,
        -- Tokens that a family's own tokenizer makes for each one of tiktoken's (o200k): measured on prose and code.
        extractGroups(lower(model), 'claude-(?:[a-z]+-)?(\\d+)(?:[-.](\\d{1,2})(?:\\D|$))?') AS claude,
        multiIf(
            length(claude) = 2, if((toUInt32OrZero(claude[1]), toUInt32OrZero(claude[2])) >= (4, 7), 1.5, 1.25),
            match(lower(model), '(?:^|/)(?:gpt|chatgpt|o[1-9]|codex|davinci|babbage|text-embedding)'), 1.0,
            1.1) AS family
    FROM usual
) AS u
LEFT JOIN of_feature AS f ON f.project = u.project AND f.feature = u.feature AND f.name_id = u.name_id
LEFT JOIN of_model AS m ON m.project = u.project AND m.name_id = u.name_id
LEFT JOIN usual_of_model AS a ON a.project = u.project AND a.name_id = u.name_id
