-- Number of the last pass in a month (0 where there was none) that the ledger holds, and that each grain of the cubes
-- holds. They differ if the process died, or the store failed, between writing the one and writing the other.
SELECT 'ledger' AS holder, max(s.pass) AS pass FROM spend_slices AS s WHERE toYYYYMM(slice) = {month:UInt32}
UNION ALL
SELECT g.grain AS holder, max(c.pass) AS pass
FROM (SELECT arrayJoin(['quarter_hour', 'day', 'tenant_day', 'user_day']) AS grain) AS g
LEFT JOIN (SELECT grain, pass FROM spend_cubes WHERE toYYYYMM(at) = {month:UInt32}) AS c ON c.grain = g.grain
GROUP BY g.grain
