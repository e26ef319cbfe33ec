-- Calls of sealed minutes, in the shape that a pass knows from calls.
CREATE OR REPLACE VIEW late_calls AS SELECT * EXCEPT (is_call) FROM late_spans WHERE is_call
