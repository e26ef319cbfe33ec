-- Links count too: one that comes late may show that a call is a wrapper.
CREATE MATERIALIZED VIEW IF NOT EXISTS segment_slices_of_spans TO segment_slices AS
SELECT DISTINCT segment, project, toStartOfMinute(toDateTime(ts, 'UTC')) AS slice, now() AS landed FROM spans WHERE is_call OR parent_span_id != ''
