-- Names of features, the dearest first. A backslash is doubled in the value: Grafana's :singlequote leaves it as it is.
SELECT replaceAll(text, '\\', '\\\\') AS value, if(s.feature = '', '(unallocated)', toString(s.feature)) AS text
FROM spend AS s
WHERE s.grain = 'day' AND <days> AND <chosen: project, environment>
GROUP BY text
ORDER BY sum(s.cost_usd) DESC NULLS LAST, text
LIMIT 1000
