-- What self-hosted models' entries came to so far.
SELECT
    a.entry_id AS entry_id,
    count() AS days,
    countIf(a.tokens = 0) AS idle_days,
    sum(a.cost_usd) AS cost_usd,
    sumIf(a.cost_usd, a.tokens = 0) AS idle_usd,
    sum(a.tokens) AS tokens,
    argMaxIf(a.day, a.day, a.tokens > 0) AS latest_day,
    argMaxIf(a.usd_per_token, a.day, a.tokens > 0) AS latest_usd_per_token
FROM (SELECT * FROM amortised_rates FINAL) AS a
INNER JOIN (SELECT entry_id, valid_from, valid_to FROM price_override FINAL WHERE NOT removed) AS e ON e.entry_id = a.entry_id
WHERE toDateTime(a.day, 'UTC') >= e.valid_from AND toDateTime(a.day, 'UTC') < e.valid_to
GROUP BY a.entry_id
