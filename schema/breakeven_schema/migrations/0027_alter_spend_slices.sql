ALTER TABLE spend_slices
    ADD COLUMN IF NOT EXISTS origin_id UInt64 COMMENT 'row of origins that rules map to a feature; 0 where the feature is declared',
    ADD COLUMN IF NOT EXISTS retry Bool COMMENT 'the calls repeat earlier attempts',
    ADD COLUMN IF NOT EXISTS resends SimpleAggregateFunction(sum, Int64) COMMENT 'earlier attempts without a span of their own',
    ADD COLUMN IF NOT EXISTS estimated_calls SimpleAggregateFunction(sum, Int64) COMMENT 'of calls: lack some usage and have an estimate of it',
    ADD COLUMN IF NOT EXISTS estimated_input_tokens SimpleAggregateFunction(sum, Int64) COMMENT 'estimates of inputs that were not reported, before any correction',
    ADD COLUMN IF NOT EXISTS estimated_output_tokens SimpleAggregateFunction(sum, Int64) COMMENT 'estimates of outputs that were not reported, before any correction',
    MODIFY ORDER BY (project, slice, feature, feature_source, environment, service, task, tenant, user_id, name_id, provider, model, price_context, priced_at, tier_start, basis, meter, counted, origin_id, retry)
