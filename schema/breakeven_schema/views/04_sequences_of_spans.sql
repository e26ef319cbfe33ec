CREATE MATERIALIZED VIEW IF NOT EXISTS sequences_of_spans TO sequences AS
SELECT project, service, seq_source, max(toDate(ts)) AS day, groupBitmapState(toUInt64(seq)) AS seen, max(seq) AS highest
FROM spans
WHERE seq BETWEEN 1 AND 1000000000 AND seq_source != ''
GROUP BY project, service, seq_source
