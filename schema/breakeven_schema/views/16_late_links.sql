-- The steps between them, in the shape that a pass knows from span_links.
CREATE OR REPLACE VIEW late_links AS
SELECT project, ts, trace_id, span_id, parent_span_id, received_ns FROM late_spans WHERE NOT is_call
