SELECT replaceAll(text, '\\', '\\\\') AS value, if(s.{1} = '', '{2}', toString(s.{1})) AS text
FROM spend AS s
WHERE s.grain = '{3}' AND <days>
