-- What people decided, the newest first.
SELECT
    s.decided_at AS decided_at, if(s.project = '', '(all)', toString(s.project)) AS project, toString(s.feature) AS feature,
    replaceAll(feature, '\\', '\\\\') AS feature_value,
    toString(s.decision) AS decision, s.made_by AS made_by, s.note AS note, toString(s.revisit_on) AS revisit_on,
    s.spend_usd AS spend_usd
FROM decisions AS s
WHERE <judged>
ORDER BY s.decided_at DESC, feature
LIMIT 200
