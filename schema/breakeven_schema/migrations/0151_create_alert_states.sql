-- What is known of each rule and subject: a log of state machines. A change is the next version; of two collectors that
-- write the same version one wins, for the insert's token names it.
CREATE TABLE IF NOT EXISTS alert_states
(
    project LowCardinality(String) COMMENT 'whose',
    rule LowCardinality(String) COMMENT 'crossed, approaching, budget, jump, silent, apart, verdict, …',
    subject String COMMENT 'feature, service or provider; empty: the whole bill',
    version UInt64 COMMENT '1 for the first state, one more for each change',
    state LowCardinality(String) COMMENT 'ok, pending, firing, snoozed or resolved',
    since DateTime64(6, 'UTC') COMMENT 'when what it is about began; while ok or resolved: when that ended',
    at DateTime64(6, 'UTC') COMMENT 'the moment that was looked at when it changed',
    fired_at Nullable(DateTime64(6, 'UTC')) COMMENT 'when it was found firing; NULL: it is not',
    told_at Nullable(DateTime64(6, 'UTC')) COMMENT 'when it was told last; NULL: it was not told since it began',
    tellings UInt32 COMMENT 'how often it was told since it began',
    is_active UInt8 COMMENT 'whether the rule''s condition held',
    marker String COMMENT 'what the condition was about, such as a verdict''s code; another one is another alert',
    usd Nullable(Float64) COMMENT 'the figure',
    limit_usd Nullable(Float64) COMMENT 'what it is held against',
    headline String COMMENT 'for people',
    event_id String COMMENT 'what was to be told with it, see alert_events.id; empty: nothing',
    event String COMMENT 'JSON of it',
    writer String COMMENT 'who wrote it, at random: to see who won'
)
ENGINE = MergeTree
-- The last state of each rule and subject is what is asked for.
ORDER BY (project, rule, subject, version)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
