-- Tenants of the period, the dearest first. Rows by tenant know no environment: with one chosen, the ledger itself is read.
SELECT
    tenant, <money>,
    replaceAll(tenant, '\\', '\\\\') AS tenant_value
FROM
(
    <cut: tenant, (none), tenant, tenant_grain>
)
ORDER BY usd DESC NULLS LAST, tenant
LIMIT 500
