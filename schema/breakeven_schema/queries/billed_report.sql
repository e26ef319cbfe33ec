-- What the providers' accounts say was used, by a dimension, provider, UTC day and kind of usage, at our prices.
SELECT
    multiIf(
        {dimension:String} = 'feature', toString(feature),
        {dimension:String} = 'key', provider_key,
        {dimension:String} = 'project', provider_project,
        {dimension:String} = 'model', toString(model),
        {dimension:String} = 'owner', toString(owner),
        {dimension:String} = 'cost_centre', toString(cost_centre),
        {dimension:String} = 'cost_class', toString(cost_class),
        {dimension:String} = 'provider', toString(provider),
        {dimension:String} = 'day', toString(toDate(at)),
        toString(toStartOfMonth(at))) AS name,
    toString(provider) AS provider, toDate(at) AS day, toString(meter) AS meter,
    sum(u.quantity) AS quantity, sum(u.cost_usd) AS cost_usd,
    sumIf(u.quantity, u.cost_usd IS NULL) AS unpriced_quantity, groupUniqArrayIf(toString(model), u.cost_usd IS NULL) AS unpriced_models,
    max(open) AS open
FROM billed_usage AS u
WHERE (project = {project:String} OR {every_project:Bool})
    AND at >= toDateTime({from:UInt32}, 'UTC') AND at < toDateTime({to:UInt32}, 'UTC')
GROUP BY name, provider, day, meter
