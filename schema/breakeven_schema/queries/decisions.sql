-- All decisions of a project, or of all, the newest first.
SELECT *
FROM decisions
WHERE (project = {project:String} OR {every_project:Bool})
ORDER BY decided_at DESC, feature
