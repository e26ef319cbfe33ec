CREATE MATERIALIZED VIEW IF NOT EXISTS span_links_of_spans TO span_links AS
SELECT project, ts, trace_id, span_id, parent_span_id, received_ns FROM spans WHERE NOT is_call AND parent_span_id != ''
