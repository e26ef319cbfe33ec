-- Billed beside seen, by UTC day and provider. Only `breakeven tieout` tells apart what the difference is made of: usage
-- that no span has, items that none can show, other prices. Days that are open may still change at the provider.
CREATE OR REPLACE VIEW tieout_daily AS
SELECT project, day, provider,
    sumOrNull(billed) AS billed_usd,
    sum(seen) AS seen_usd,
    billed_usd - seen_usd AS unseen_usd,
    max(still_open) AS open
FROM
(
    SELECT project, toDate(from_time) AS day, toString(provider) AS provider,
        if(report IN ('costs', 'focus'), amount_usd, NULL) AS billed, toDecimal128(0, 15) AS seen, open AS still_open
    FROM billed_now
    UNION ALL
    SELECT project, toDate(at) AS day, toString(provider) AS provider, NULL AS billed,
        ifNull(cost_usd, 0) AS seen, false AS still_open
    FROM spend
    WHERE grain = 'day' AND counted IN ('yes', 'late')
)
GROUP BY project, day, provider
