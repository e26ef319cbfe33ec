-- What the providers' accounts say was used, as spend of features: by the [[map]] rules on provider key and project, priced
-- with the rates of `spend`. An estimate of the bill, for those who have no calls: never add it to `spend`.
CREATE OR REPLACE VIEW billed_usage AS
SELECT
    u.project AS project, u.source AS source, u.from_time AS at, u.to_time AS to_time, u.open AS open,
    u.provider AS provider, u.provider_project AS provider_project, u.provider_key AS provider_key,
    u.model AS model, u.price_context AS price_context, u.name_id AS name_id, u.origin_id AS origin_id,
    part.1 AS feature, part.2 AS feature_source, part.4 AS owner, part.5 AS cost_centre,
    part.6 AS cost_class, part.3 AS weight, u.meter AS meter,
    CAST(u.quantity * weight AS Decimal(38, 18)) AS quantity, u.unit AS unit,
    if(mapContains(r.usd, u.meter), CAST(toDecimal256(u.quantity, 18) * r.usd[u.meter] * weight AS Nullable(Decimal(38, 20))), NULL) AS cost_usd,
    true AS imported
FROM
(
    SELECT *, if(key_name != '', key_name, key_id) AS provider_key, toStartOfDay(from_time) AS day,
        sipHash64(provider, model, price_context) AS name_id,
        -- as of spans that tell nothing else
        sipHash64('', '', provider, model, provider_key, provider_project, '', '', '', '') AS origin_id
    FROM billed_now
    -- each quantity once: `costs` may repeat those of `usage`
    WHERE report IN ('usage', 'focus') AND quantity IS NOT NULL AND meter != ''
) AS u
LEFT JOIN usage_rates AS r ON r.project = u.project AND r.name_id = u.name_id AND r.day = u.day
ASOF LEFT JOIN (SELECT * FROM attributions_now WHERE feature = '' AND environment = '') AS w
    ON w.project = u.project AND w.origin_id = u.origin_id AND u.day >= w.valid_from
LEFT ARRAY JOIN if(empty(w.parts), [('', '', CAST(1 AS Decimal(38, 12)), '', '', '')], w.parts) AS part
