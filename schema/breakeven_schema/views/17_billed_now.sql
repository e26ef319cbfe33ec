-- The lines that hold: of each day, report, part and provider's project those of the last import that is recorded whole.
CREATE OR REPLACE VIEW billed_now AS
SELECT
    project,
    source,
    report,
    part,
    provider,
    from_time,
    to_time,
    open,
    provider_project,
    key_name,
    key_id,
    model,
    price_context,
    item,
    meter,
    quantity,
    unit,
    amount,
    currency,
    amount_usd,
    imported_at
FROM billed FINAL
WHERE (project, source, report, part, toDate(from_time), provider_project, import_id) IN (
    SELECT
        project,
        source,
        held.report,
        held.part,
        held.day,
        held.provider_project,
        argMax(import_id, (imported_at, import_id))
    FROM imports FINAL
    ARRAY JOIN days AS held
    GROUP BY project, source, held.report, held.part, held.day, held.provider_project
)
