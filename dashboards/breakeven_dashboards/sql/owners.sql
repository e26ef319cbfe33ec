-- Owners as declared in breakeven.toml, the dearest first.
SELECT
    owner, <money>
FROM
(
    <cut: owner, (none), owner, grain>
)
ORDER BY usd DESC NULLS LAST, owner
LIMIT 500
