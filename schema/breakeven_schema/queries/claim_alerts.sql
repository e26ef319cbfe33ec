-- Claims what one message tells, in one block.
INSERT INTO alert_deliveries (project, event_id, channel, turn, state, at, taken_by, tries, firing)
SELECT project, event_id, channel, turn, state, at, taken_by, tries, firing
FROM format(JSONEachRow, 'project String, event_id String, channel String, turn UInt64, state String, at DateTime64(6, ''UTC''), taken_by String, tries UInt16, firing String', {rows:String})
