-- How old the prices and the imported bills are.
SELECT 'prices' AS what, s.book_version AS name, max(s.loaded_at) AS at, toFloat64(max(s.models)) AS rows
FROM price_books AS s
GROUP BY name
UNION ALL
SELECT concat('bill of ', toString(s.source)) AS what, toString(s.project) AS name, max(s.imported_at) AS at,
    toFloat64(sum(s.lines)) AS rows
FROM imports AS s
WHERE <chosen: project>
GROUP BY what, name
ORDER BY at DESC, what, name
LIMIT 100
