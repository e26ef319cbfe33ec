-- Users of the period, the dearest first. Rows by user know neither environment nor tenant: with one chosen, the ledger
-- itself is read.
SELECT
    user, <money>
FROM
(
    <cut: user_id, (none), user, user_grain>
)
ORDER BY usd DESC NULLS LAST, user
LIMIT 500
