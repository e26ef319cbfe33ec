-- Models of the period, the dearest first.
SELECT
    model, <money>,
    replaceAll(model, '\\', '\\\\') AS model_value,
    input_tokens / nullIf(calls, 0) AS input_tokens_per_call,
    output_tokens / nullIf(calls, 0) AS output_tokens_per_call,
    cached_tokens / nullIf(input_tokens, 0) AS cached_share,
    failed_calls / nullIf(calls, 0) AS failed_share
FROM
(
    <cut: model, (none), model, grain>
)
ORDER BY usd DESC NULLS LAST, model
LIMIT 500
