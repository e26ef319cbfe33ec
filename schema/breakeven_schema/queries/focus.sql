-- The bill in FOCUS 1.2: a row for each UTC day, feature, model, price and kind of usage. EffectiveCost adds up to
-- spend.cost_usd of the same days exactly: what a row of the bill costs is split by kind at the rates it was priced with,
-- and the last kind takes what rounding left.
--   ListUnitPrice        the book's rate; the contract's own where the book has none
--   ContractedUnitPrice  the contract's, else the book's
-- A cost that somebody reported has no price by kind: it is priced in dollars, at 1 for each. What costs nothing because
-- it was turned away or a gateway's own cache answered is no charge. What has no known cost is left out, and counted by
-- focus_left_out. What own machines cost is nobody's invoice: BilledCost is 0 there.
SELECT
    if(price_source = 'amortised', toDecimal128(0, 27), EffectiveCost) AS BilledCost,
    project AS BillingAccountId,
    project AS BillingAccountName,
    'USD' AS BillingCurrency,
    toDateTime(addMonths(toStartOfMonth(day), 1), 'UTC') AS BillingPeriodEnd,
    toDateTime(toStartOfMonth(day), 'UTC') AS BillingPeriodStart,
    'Usage' AS ChargeCategory,
    CAST(NULL AS Nullable(String)) AS ChargeClass,
    concat(model_name, ': ', SkuMeter) AS ChargeDescription,
    'Usage-Based' AS ChargeFrequency,
    toDateTime(day + 1, 'UTC') AS ChargePeriodEnd,
    toDateTime(day, 'UTC') AS ChargePeriodStart,
    sum(consumed) AS ConsumedQuantity,
    consumed_unit AS ConsumedUnit,
    CAST(CAST(contracted_usd AS Decimal(76, 27)) * PricingQuantity AS Decimal(38, 27)) AS ContractedCost,
    contracted_usd AS ContractedUnitPrice,
    sum(cost) AS EffectiveCost,
    CAST(NULL AS Nullable(String)) AS InvoiceId,
    ProviderName AS InvoiceIssuerName,
    CAST(CAST(list_usd AS Decimal(76, 27)) * PricingQuantity AS Decimal(38, 27)) AS ListCost,
    list_usd AS ListUnitPrice,
    if(kind = 'reported', 'Other', 'Standard') AS PricingCategory,
    sum(quantity) AS PricingQuantity,
    if(kind = 'reported', 'USD', consumed_unit) AS PricingUnit,
    seller AS ProviderName,
    ProviderName AS PublisherName,
    'AI and Machine Learning' AS ServiceCategory,
    offering AS ServiceName,
    'Generative AI' AS ServiceSubcategory,
    concat(provider_name, '/', model_name, '/', kind) AS SkuId,
    sku_meter AS SkuMeter,
    toJSONString(mapFilter((name, value) -> value NOT IN ('', '0'),
        map('x_Model', model, 'x_PriceContext', price_context, 'x_InputTokensAbove', toString(tier_start)))) AS SkuPriceDetails,
    concat(SkuId, if(price_context = '', '', concat(';', price_context)),
        if(tier_start = 0, '', concat(';input_tokens>', toString(tier_start)))) AS SkuPriceId,
    Tags,
    sum(estimated) AS x_EstimatedCost,
    price_source AS x_PriceSource
FROM
(
    -- A row for each kind of usage in a row of the bill.
    SELECT
        project, day, provider, toString(model) AS model, toString(price_context) AS price_context, tier_start, price_source, Tags,
        if(provider = '', 'unknown', toString(provider)) AS provider_name,
        if(model = '', 'unknown', model) AS model_name,
        transform(provider_name,
            ['openai', 'anthropic', 'aws.bedrock', 'azure.ai.openai', 'gcp.vertex_ai', 'gcp.gemini', 'gcp.gen_ai'],
            ['OpenAI', 'Anthropic', 'AWS', 'Microsoft', 'Google Cloud', 'Google Cloud', 'Google Cloud'], provider_name) AS seller,
        transform(provider_name,
            ['openai', 'anthropic', 'aws.bedrock', 'azure.ai.openai', 'gcp.vertex_ai', 'gcp.gemini', 'gcp.gen_ai'],
            ['OpenAI API', 'Claude API', 'Amazon Bedrock', 'Azure OpenAI', 'Vertex AI', 'Gemini API', 'Gemini API'], provider_name) AS offering,
        charge.1 AS kind, charge.2 AS quantity, charge.3 AS list_usd, charge.4 AS contracted_usd,
        if(number = length(charges), cost_usd - arraySum(arrayPushFront(arrayPopBack(amounts), toDecimal128(0, 27))), amounts[number]) AS cost,
        if(number = 1, estimated_usd, NULL) AS estimated,
        if(kind = 'reported', reported_consumed, quantity) AS consumed,
        multiIf(
            kind = 'requests', 'Requests',
            meter = '', 'Tokens',
            endsWith(meter, 'second'), 'Seconds',
            endsWith(meter, 'search'), 'Searches',
            endsWith(meter, 'page'), 'Pages',
            endsWith(meter, 'character'), 'Characters',
            'Units') AS consumed_unit,
        transform(kind,
            ['uncached', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'audio_input', 'image_input', 'answer', 'reasoning', 'audio_output', 'image_output', 'requests', 'reported'],
            ['Input Tokens', 'Cached Input Tokens', 'Cache Write Tokens, 5 Minutes', 'Cache Write Tokens, 1 Hour', 'Audio Input Tokens', 'Image Input Tokens', 'Output Tokens', 'Reasoning Tokens', 'Audio Output Tokens', 'Image Output Tokens', 'Requests', 'Reported Cost'],
            initcap(replaceAll(kind, '_', ' '))) AS sku_meter
    FROM
    (
        SELECT *,
            -- Quantity, list price and contracted price of each kind that there is.
            arrayFilter(c -> c.2 != 0 OR basis = 'reported', multiIf(
                basis = 'reported' AND cost_usd = 0, [],
                basis = 'reported', [('reported', CAST(cost_usd AS Decimal(38, 18)), toDecimal128(1, 27), toDecimal128(1, 27))],
                meter != '', [(toString(meter), quantity,
                    CAST(if(mapContains(book_meter_usd, meter), book_meter_usd[meter], meter_usd[meter]) AS Decimal(38, 27)),
                    CAST(factor * meter_usd[meter] AS Decimal(38, 27)))],
                arrayMap(
                    (kind, tokens, list, own) -> (kind, if(kind = 'requests' AND ifNull(own, 0) = 0, toDecimal128(0, 18), CAST(tokens AS Decimal(38, 18))),
                        ifNull(CAST(ifNull(list, own) AS Nullable(Decimal(38, 27))), toDecimal128(0, 27)), ifNull(CAST(factor * own AS Nullable(Decimal(38, 27))), toDecimal128(0, 27))),
                    ['uncached', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'audio_input', 'image_input', 'answer', 'reasoning', 'audio_output', 'image_output', 'requests'],
                    [uncached_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, audio_input_tokens, image_input_tokens, answer_tokens, reasoning_tokens, audio_output_tokens, image_output_tokens, calls],
                    [book_rate.uncached, book_rate.cache_read, book_rate.cache_write_5m, book_rate.cache_write_1h, book_rate.audio_input, book_rate.image_input, book_rate.answer, book_rate.reasoning, book_rate.audio_output, book_rate.image_output, book_rate.request],
                    [rate.uncached, rate.cache_read, rate.cache_write_5m, rate.cache_write_1h, rate.audio_input, rate.image_input, rate.answer, rate.reasoning, rate.audio_output, rate.image_output, rate.request]))) AS charges,
            arrayMap(c -> CAST(CAST(c.4 AS Decimal(76, 27)) * c.2 AS Decimal(38, 27)), charges) AS amounts
        FROM
        (
            -- The rates that 12_spend_of.sql priced the row with.
            SELECT
                s.project AS project, s.day AS day, s.provider AS provider, s.model AS model, s.price_context AS price_context,
                s.tier_start AS tier_start, s.basis AS basis, s.meter AS meter, s.Tags AS Tags,
                if(s.basis = 'reported', 'reported', s.price_source) AS price_source,
                s.known_usd AS cost_usd, s.estimated_usd AS estimated_usd, s.quantity AS quantity, s.calls AS calls,
                s.uncached_tokens AS uncached_tokens, s.cache_read_tokens AS cache_read_tokens,
                s.cache_write_5m_tokens AS cache_write_5m_tokens, s.cache_write_1h_tokens AS cache_write_1h_tokens,
                s.audio_input_tokens AS audio_input_tokens, s.image_input_tokens AS image_input_tokens,
                s.answer_tokens AS answer_tokens, s.reasoning_tokens AS reasoning_tokens,
                s.audio_output_tokens AS audio_output_tokens, s.image_output_tokens AS image_output_tokens,
                if(s.meter = '', s.all_tokens, s.quantity) AS reported_consumed,
                o.valid_to > s.priced_at AS of_project,
                of_project OR a.valid_to > s.priced_at AS by_contract,
                multiIf(of_project, o.book_factor, by_contract, a.book_factor, NULL) AS contract_factor,
                by_contract AND contract_factor IS NULL AS own_rates,
                r.rate AS book_rate, r.meter_usd AS book_meter_usd,
                if(own_rates, if(of_project, o.rate, a.rate), r.rate) AS rate,
                if(own_rates, if(of_project, o.meter_usd, a.meter_usd), r.meter_usd) AS meter_usd,
                CAST(ifNull(contract_factor, 1) AS Decimal(38, 12)) AS factor
            FROM
            (
                SELECT
                    project, toDate(at, 'UTC') AS day, priced_at, provider, model, price_context, name_id, tier_start, basis,
                    meter, price_source, assumeNotNull(s.cost_usd) AS known_usd, estimated_usd, quantity, calls,
                    uncached_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, audio_input_tokens,
                    image_input_tokens, answer_tokens, reasoning_tokens, audio_output_tokens, image_output_tokens,
                    CAST(input_tokens + output_tokens AS Decimal(38, 18)) AS all_tokens,
                    toJSONString(mapFilter((name, value) -> value != '', map(
                        'feature', feature, 'owner', owner, 'cost_centre', cost_centre, 'cost_class', cost_class,
                        'environment', toString(environment), 'service', toString(service), 'tenant', toString(tenant)))) AS Tags
                FROM spend AS s
                WHERE grain = {grain:String} AND counted IN ('yes', 'late')
                    AND (project = {project:String} OR {every_project:Bool})
                    AND at >= toDateTime({first:Date}, 'UTC') AND at < toDateTime({last:Date} + 1, 'UTC')
                    AND s.cost_usd IS NOT NULL AND basis NOT IN ('refused', 'gateway_cache')
            ) AS s
            ASOF LEFT JOIN (SELECT * FROM override_rates WHERE project != '') AS o
                ON o.project = s.project AND o.name_id = s.name_id AND s.priced_at >= o.valid_from
            ASOF LEFT JOIN (SELECT * FROM override_rates WHERE project = '') AS a
                ON a.name_id = s.name_id AND s.priced_at >= a.valid_from
            ASOF LEFT JOIN rates_of(book='') AS r
                ON r.name_id = s.name_id AND r.tier_start = s.tier_start
                AND r.day_start = toUInt32(s.priced_at - toStartOfDay(s.priced_at)) AND s.priced_at >= r.valid_from
        )
    )
    ARRAY JOIN charges AS charge, arrayEnumerate(charges) AS number
)
GROUP BY
    project, day, provider_name, model_name, model, price_context, tier_start, kind, seller, offering, consumed_unit, sku_meter, list_usd,
    contracted_usd, price_source, Tags
ORDER BY
    project, day, provider_name, model_name, model, price_context, tier_start, kind, consumed_unit, list_usd, contracted_usd,
    price_source, Tags
