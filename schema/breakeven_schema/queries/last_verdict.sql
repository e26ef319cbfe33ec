-- The last verdict on a feature, or with a digest the last that differs from it.
SELECT feature, decided_at, digest, book_version, code, sentence, spend_usd, threshold_usd, next_step, inputs
FROM verdicts
WHERE project = {project:String} AND feature = {feature:String} AND digest != {digest:String}
ORDER BY decided_at DESC
LIMIT 1
