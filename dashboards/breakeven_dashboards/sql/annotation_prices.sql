-- Days on which the rates of a model in use change: in the price book, or by an own price.
SELECT s.at AS time, 'price change' AS title,
    concat(arrayStringConcat(arraySlice(arraySort(groupUniqArray(toString(s.model))), 1, 10), ', '), ': ', toString(s.kind)) AS text,
    'price' AS tags
FROM price_changes AS s
WHERE $__timeFilter(s.at) AND <chosen: project, model>
GROUP BY time, s.kind
ORDER BY time, text
LIMIT 100
