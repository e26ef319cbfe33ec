-- Whether a provider's account was imported for some time.
SELECT 1 AS found
FROM billed
WHERE (project = {project:String} OR {every_project:Bool})
    AND from_time >= toDateTime({from:UInt32}, 'UTC') AND from_time < toDateTime({to:UInt32}, 'UTC')
LIMIT 1
