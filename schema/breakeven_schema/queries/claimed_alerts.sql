-- Whether a claim is this process's.
SELECT count() AS n
FROM alert_deliveries
WHERE channel = {channel:String} AND turn = {turn:UInt64} AND taken_by = {taken_by:String}
