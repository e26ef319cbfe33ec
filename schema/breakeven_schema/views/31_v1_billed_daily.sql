-- What providers' accounts say, by UTC day, for dbt and BI. Version 1: columns are added, never changed or removed
-- (docs/export.md).
CREATE OR REPLACE VIEW v1_billed_daily AS
SELECT
    project, toDate(b.from_time, 'UTC') AS day, source, report, provider, provider_project, key_name, model, price_context,
    item, meter, unit, currency,
    max(b.open) AS open, sum(b.quantity) AS quantity, sum(b.amount) AS amount, sum(b.amount_usd) AS amount_usd
FROM billed_now AS b
GROUP BY project, day, source, report, provider, provider_project, key_name, model, price_context, item, meter, unit, currency
