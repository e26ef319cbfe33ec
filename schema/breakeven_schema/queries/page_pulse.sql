-- Changes whenever the ledger of a project does.
SELECT sum(c.calls) AS calls, hex(cityHash64(sum(c.calls), max(c.pass), sum(c.uncached_tokens), count())) AS pulse
FROM spend_cubes AS c
WHERE grain = 'day' AND (project = {project:String} OR {every_project:Bool}) AND counted IN ('yes', 'late')
