ALTER TABLE spans
    ADD COLUMN IF NOT EXISTS late Bool COMMENT 'its minute is sealed: it goes to late_spans, not to calls'
