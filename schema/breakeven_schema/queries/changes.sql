-- A word that is another one when rows came into some tables, or were changed there; merges of parts leave it as it is.
SELECT hex(sum(cityHash64(table, partition_id, last, changed))) AS word
FROM
(
    SELECT table, partition_id, max(max_block_number) AS last, max(data_version) AS changed
    FROM system.parts
    WHERE database = currentDatabase() AND active AND table IN {tables:Array(String)}
    GROUP BY table, partition_id
)
