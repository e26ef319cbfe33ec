-- Calls of one day, as the rows that passes would have written for them: one a call, since hardly two calls of a minute
-- share feature, tenant, user and model. What a kind of call is comes from real spans that took the whole way.
INSERT INTO spend_slices (project, slice, priced_at, environment, service, feature, feature_source, tenant, user_id,
    provider, model, price_context, name_id, tier_start, basis, counted, calls, failed_calls,
    uncached_tokens, cache_read_tokens, answer_tokens, reasoning_tokens, duration_us, pass, origin_id, retry)
WITH
    -- features by name, each with its models
    (
        SELECT arraySort(k -> k[1].3, groupArray(models))
        FROM
        (
            SELECT groupArray((environment, service, feature, feature_source, origin_id, provider, model, price_context, name_id)) AS models
            FROM
            (
                SELECT DISTINCT environment, service, feature, feature_source, origin_id, provider, model, price_context,
                    sipHash64(provider, model, price_context) AS name_id
                FROM calls
                ORDER BY origin_id, model
            )
            GROUP BY feature, service
        )
    ) AS kinds,
    -- the n-th of so many is drawn 1/n as often as the first
    (draw, many) -> toUInt32(least(exp(draw * log(many + 1)), toFloat64(many))) AS zipf
SELECT
    'default' AS project,
    toDateTime({day:UInt32}, 'UTC') + 60 * toUInt32(1440 * randCanonical(1)) AS slice,
    toStartOfDay(slice) + arrayMax(arrayFilter(s -> s <= toUInt32(slice - toStartOfDay(slice)), arrayPushFront(n.day_starts, 0))) AS priced_at,
    kind.1, kind.2, kind.3, kind.4,
    concat('tenant-', leftPad(toString(tenant_number), 4, '0')) AS tenant,
    concat('user-', toString(tenant_number), '-', toString(zipf(randCanonical(2), 20))) AS user_id,
    kind.6, kind.7, kind.8, kind.9 AS name_id,
    arrayMax(arrayFilter(t -> t < input_tokens, arrayPushFront(n.tier_starts, 0))) AS tier_start,
    multiIf(chance < 0.01, 'unknown', chance < 0.015, 'refused', 'usage') AS basis,
    if(chance > 0.97, 'duplicate', 'yes') AS counted,
    1 AS calls, toInt64(chance < 0.02) AS failed_calls,
    if(basis = 'usage', input_tokens - cache_read_tokens, 0) AS uncached_tokens,
    if(basis = 'usage' AND randCanonical(3) < 0.5, intDiv(input_tokens, 3), 0) AS cache_read_tokens,
    if(basis = 'usage', toInt64(randLogNormal(5, 0.8)) + 1, 0) AS answer_tokens,
    if(basis = 'usage' AND randCanonical(4) < 0.2, 300, 0) AS reasoning_tokens,
    toInt64(randLogNormal(14, 0.7)) AS duration_us, 1 AS pass, kind.5 AS origin_id, chance BETWEEN 0.02 AND 0.03 AS retry
FROM
(
    SELECT
        kinds[zipf(randCanonical(5), length(kinds))] AS models,
        models[1 + toUInt32(length(models) * pow(randCanonical(6), 3))] AS kind,
        zipf(randCanonical(7), 1000) AS tenant_number,
        toInt64(least(randLogNormal(7, 1), 900000)) + 1 AS input_tokens,
        randCanonical(8) AS chance
    FROM numbers({calls:UInt64})
) AS c
LEFT ANY JOIN (SELECT name_id, tier_starts, day_starts FROM model_names FINAL) AS n ON n.name_id = kind.9
