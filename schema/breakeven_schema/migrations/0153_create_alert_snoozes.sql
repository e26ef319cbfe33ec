-- What people do not want to hear of for a while. Appended; the last one of a rule and subject counts.
CREATE TABLE IF NOT EXISTS alert_snoozes
(
    project LowCardinality(String) COMMENT 'whose; empty: of all projects',
    rule LowCardinality(String) COMMENT 'the rule',
    subject String COMMENT 'feature, service or provider; empty: the whole bill, or see every_subject',
    every_subject UInt8 COMMENT '1: whatever the rule is about',
    until DateTime64(6, 'UTC') COMMENT 'from then on it is told again',
    made_by String COMMENT 'who asked; empty: not told, or erased',
    made_at DateTime64(6, 'UTC') COMMENT 'when'
)
ENGINE = MergeTree
-- Small; read whole.
ORDER BY (project, rule, subject, made_at)
SETTINGS non_replicated_deduplication_window = 1000
