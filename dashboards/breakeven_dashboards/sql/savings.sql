-- What would be saved without hosting anything, the most first.
SELECT
    if(s.project = '', '(all)', toString(s.project)) AS project, toString(s.feature) AS feature,
    replaceAll(feature, '\\', '\\\\') AS feature_value,
    toString(s.best) AS best,
    s.api_usd AS api_usd, s.best_saves_usd AS saves_usd, s.best_saves_usd / nullIf(s.api_usd, 0) AS share
FROM verdicts_now AS s
WHERE s.best != '' AND <judged>
ORDER BY saves_usd DESC NULLS LAST, feature
