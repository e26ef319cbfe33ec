-- What became of each event on each channel: a row a step, appended. The last step of an event and channel counts.
CREATE TABLE IF NOT EXISTS alert_deliveries
(
    project LowCardinality(String) COMMENT 'project of the event; empty: all together',
    event_id String COMMENT 'what was to be told, see alert_events.id; empty: a test of the channel',
    channel LowCardinality(String) COMMENT 'name of the channel in breakeven.toml',
    turn UInt64 COMMENT 'number of the message on its channel, from 1: what one message tells has one; of two collectors that claim the same, one does',
    state LowCardinality(String) COMMENT 'claimed: being sent; sent; failed: is tried again at retry_at; given_up: is not tried again',
    at DateTime64(6, 'UTC') COMMENT 'when this step was taken',
    taken_by String COMMENT 'names the process that took it',
    tries UInt16 COMMENT 'how often it was tried, this time included',
    error LowCardinality(String) COMMENT 'what the receiver or the network said, a code such as invalid_auth or http_503; empty: nothing',
    retry_at Nullable(DateTime64(6, 'UTC')) COMMENT 'when it is tried again, at the earliest; NULL: not',
    firing String COMMENT 'digest of project, rule, subject and beginning: updates of one firing share it, and a thread',
    posted_to String COMMENT 'id of the conversation as Slack told it; empty: not told',
    message_ts String COMMENT 'Slack''s ts of the message; empty: not told, as by a webhook',
    thread_ts String COMMENT 'ts of the message in whose thread it stands; empty: in none',
    form LowCardinality(String) COMMENT 'blocks, or text where the blocks were refused; json for a generic webhook'
)
ENGINE = MergeTree
-- What is left to do is looked for among the newest.
ORDER BY (channel, at)
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1
