CREATE MATERIALIZED VIEW IF NOT EXISTS calls_of_spans TO calls AS
SELECT * EXCEPT (segment, is_call, seq, seq_source, provider_key, provider_project, route, agent, workflow, prompt, late) FROM spans WHERE is_call AND NOT late
