ALTER TABLE calls
    ADD COLUMN IF NOT EXISTS origin_id UInt64 COMMENT 'row of origins that rules map to a feature; 0 where the feature is declared',
    ADD COLUMN IF NOT EXISTS retry Bool COMMENT 'the call repeats an earlier attempt',
    ADD COLUMN IF NOT EXISTS resends UInt16 COMMENT 'earlier attempts that the client made inside this span and that have no span of their own',
    ADD COLUMN IF NOT EXISTS estimated_input_tokens Nullable(Int64) COMMENT 'tokens that the SDK counted in the messages with tiktoken, before any correction; NULL: no estimate',
    ADD COLUMN IF NOT EXISTS estimated_output_tokens Nullable(Int64) COMMENT 'the same of the answer, as far as it was received',
    ADD COLUMN IF NOT EXISTS estimate_incomplete Bool COMMENT 'the messages held images, audio or the like, which the estimate leaves out'
