-- Names that a rule can be about (features, services, providers, models as provider/model), and those that it was about.
SELECT DISTINCT name
FROM
(
    SELECT
        multiIf(
            {kind:String} = 'service', toString(s.service), {kind:String} = 'provider', toString(s.provider),
            {kind:String} = 'model', concat(toString(s.provider), '/', toString(s.model)), toString(s.feature)
        ) AS name
    FROM spend AS s
    WHERE (project = {project:String} OR {every_project:Bool}) AND grain = 'day' AND counted IN ('yes', 'late')
    UNION ALL
    SELECT subject AS name
    FROM alerts_now
    WHERE (project = {project:String} OR {every_project:Bool}) AND rule = {rule:String}
)
ORDER BY name
