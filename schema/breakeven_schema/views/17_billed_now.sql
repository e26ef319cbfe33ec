-- The lines of `billed` that hold.
CREATE OR REPLACE VIEW billed_now AS
SELECT
    project, source, toLowCardinality('') AS report, toLowCardinality(toString(source)) AS provider, from_time, to_time, false AS open,
    provider_project, key_name, '' AS key_id, model, toLowCardinality('') AS price_context, item, meter,
    quantity, unit, amount, currency, amount_usd, imported_at
FROM billed FINAL
