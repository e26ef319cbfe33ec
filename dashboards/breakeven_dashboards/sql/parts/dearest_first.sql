GROUP BY text
ORDER BY sum(s.cost_usd) DESC NULLS LAST, text
LIMIT 1000
