-- Tenants, the dearest first. Only rows by tenant know it, and these know no environment.
SELECT replaceAll(text, '\\', '\\\\') AS value, if(s.tenant = '', '(none)', toString(s.tenant)) AS text
FROM spend AS s
WHERE s.grain = 'tenant_day' AND <days> AND <chosen: project, feature, model>
GROUP BY text
ORDER BY sum(s.cost_usd) DESC NULLS LAST, text
LIMIT 1000
