-- Lines of revenue that hold and touch the days from `from` up to `to`.
SELECT project, from_day, to_day, feature, tenant, amount_usd
FROM revenue FINAL
WHERE (project = {project:String} OR {every_project:Bool}) AND to_day > {from:Date} AND from_day < {to:Date}
ORDER BY from_day, to_day, feature, tenant
