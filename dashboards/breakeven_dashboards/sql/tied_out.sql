-- What providers billed beside what calls tell of, over days that are closed there; more seen than billed on one day makes
-- up for nothing on another. `breakeven tieout` says what the difference is made of.
SELECT
    toFloat64(sum(least(s.seen_usd, s.billed_usd))) / nullIf(toFloat64(sum(s.billed_usd)), 0) AS seen_share,
    sumOrNull(s.billed_usd) AS billed_usd,
    sumOrNull(s.seen_usd) AS seen_usd,
    sumOrNull(s.unseen_usd) AS unseen_usd
FROM tieout_daily AS s
WHERE s.billed_usd IS NOT NULL AND s.open = 0
    AND <utc_days> AND <chosen: project>
