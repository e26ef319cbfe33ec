-- What each verdict rests on.
SELECT
    if(s.project = '', '(all)', toString(s.project)) AS project, toString(s.feature) AS feature,
    replaceAll(feature, '\\', '\\\\') AS feature_value,
    toString(s.code) AS code, s.rule AS rule, s.window_from AS window_from, s.window_to AS window_to,
    toString(s.timezone) AS timezone, s.book_version AS price_book, toString(s.model_version) AS model_version,
    substring(s.digest, 1, 12) AS digest
FROM verdicts_now AS s
WHERE <judged>
ORDER BY s.spend_usd DESC, feature
