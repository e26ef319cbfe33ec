-- Projects and environments that there are to choose from.
SELECT groupUniqArray(100)(project) AS projects, groupUniqArray(100)(environment) AS environments
FROM (SELECT DISTINCT project, environment FROM spend_cubes
    WHERE grain = 'day' AND (project = {project:String} OR {every_project:Bool}))
