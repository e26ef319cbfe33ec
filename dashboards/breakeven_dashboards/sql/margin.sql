-- Revenue beside cost of goods, over the same whole days: from the first call on, without today, as `breakeven margin` does.
-- Revenue that was told for more days counts with its days that lie in them.
SELECT
    feature,
    replaceAll(feature, '\\', '\\\\') AS feature_value,
    if(countIf(amount IS NOT NULL AND days_inside > 0) = 0, NULL, round(sum(amount * days_inside / nullIf(days, 0)), 2)) AS revenue_usd,
    sum(cost_usd) AS cost_of_goods_usd,
    sum(estimated_usd) AS estimated_usd,
    1 - toFloat64(cost_of_goods_usd) / nullIf(greatest(revenue_usd, 0), 0) AS gross_margin
FROM
(
    SELECT *,
        greatest(0, dateDiff('day', greatest(from_day, seen), least(to_day, after))) AS days_inside,
        dateDiff('day', from_day, to_day) AS days
    FROM
    (
        SELECT *,
            greatest(toDate($__fromTime, 'UTC'), ifNull(min(first_day) OVER (), toDate($__fromTime, 'UTC'))) AS seen,
            least(toDate(<over>, 'UTC'), toDate(now('UTC'))) AS after
        FROM
        (
            SELECT if(s.feature = '', '(unallocated)', s.feature) AS feature, toNullable(toDate(min(s.at), 'UTC')) AS first_day,
                sum(s.cost_usd) AS cost_usd, sum(s.estimated_usd) AS estimated_usd,
                NULL AS amount, toDate('2020-01-01') AS from_day, toDate('2020-01-02') AS to_day
            FROM spend AS s
            WHERE s.grain = 'day' AND s.cost_class IN ('', 'cost_of_goods') AND s.at < toStartOfDay(now('UTC'), 'UTC')
                AND <days> AND <chosen: project, feature>
            GROUP BY feature
            UNION ALL
            SELECT toString(s.feature) AS feature, NULL AS first_day, NULL AS cost_usd, NULL AS estimated_usd,
                toFloat64(s.amount_usd) AS amount, s.from_day AS from_day, s.to_day AS to_day
            FROM revenue AS s FINAL
            WHERE s.feature != '' AND s.to_day > toDate($__fromTime, 'UTC') AND s.from_day < toDate(<over>, 'UTC')
                AND <chosen: project, feature>
        )
    )
)
GROUP BY feature
HAVING revenue_usd IS NOT NULL
ORDER BY cost_of_goods_usd DESC NULLS LAST, feature
