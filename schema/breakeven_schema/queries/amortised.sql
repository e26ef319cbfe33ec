-- What self-hosted models' entries came to so far.
SELECT
    entry_id,
    count() AS days,
    countIf(tokens = 0) AS idle_days,
    sum(a.cost_usd) AS cost_usd,
    sumIf(a.cost_usd, tokens = 0) AS idle_usd,
    sum(a.tokens) AS tokens,
    argMaxIf(a.day, a.day, usd_per_token IS NOT NULL) AS latest_day,
    argMaxIf(assumeNotNull(a.usd_per_token), a.day, usd_per_token IS NOT NULL) AS latest_usd_per_token
FROM amortised_rates AS a FINAL
INNER JOIN (SELECT entry_id, valid_from, valid_to FROM price_override FINAL WHERE NOT removed) AS e ON e.entry_id = a.entry_id
WHERE toDateTime(a.day, 'UTC') >= e.valid_from AND toDateTime(a.day, 'UTC') < e.valid_to
GROUP BY entry_id
