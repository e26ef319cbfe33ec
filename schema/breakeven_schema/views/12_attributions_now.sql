CREATE OR REPLACE VIEW attributions_now AS
SELECT '' AS project, '' AS feature, '' AS feature_source, toUInt64(0) AS origin_id, '' AS environment, toDateTime(0, 'UTC') AS valid_from,
    CAST([], 'Array(Tuple(String, String, Decimal(38, 12), String, String, String))') AS parts
WHERE 0
