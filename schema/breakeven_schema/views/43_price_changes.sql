-- Moments at which the rates of a model that a project calls change: in the active price book, or by an own price that
-- begins or ends.
CREATE OR REPLACE VIEW price_changes AS
SELECT DISTINCT n.project AS project, n.provider AS provider, n.model AS model, c.at AS at, c.kind AS kind
FROM (SELECT DISTINCT project, provider, model, name_id FROM spend_cubes WHERE grain = 'day') AS n
INNER JOIN
(
    SELECT name_id, '' AS project, valid_from AS at, 'price book' AS kind FROM rates_of(book='')
    UNION ALL
    SELECT name_id, toString(project) AS project, edge.1 AS at, edge.2 AS kind
    FROM override_rates
    ARRAY JOIN [(valid_from, 'own price begins'), (valid_to, 'own price ends')] AS edge
    -- The cost of own machines is spread over each day anew: no price that was announced.
    WHERE NOT amortised
) AS c ON c.name_id = n.name_id
WHERE c.project IN ('', n.project)
