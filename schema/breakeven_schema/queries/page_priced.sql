-- Calls, each with its dollars: the rules of a pass of the ledger say what is counted, `spend_of` what it costs. A call
-- has a row for its tokens, one for each meter, and of each one for each feature that it is split among.
SELECT
    user_id AS id, project, counted, meter, basis, feature, feature_source, weight,
    toUnixTimestamp(priced_at) AS priced_at, tier_start, name_id,
    [calls, failed_calls, resends, estimated_calls, uncached_tokens, cache_read_tokens, cache_write_5m_tokens,
        cache_write_1h_tokens, audio_input_tokens, image_input_tokens, answer_tokens, reasoning_tokens,
        audio_output_tokens, image_output_tokens, duration_us] AS counts, quantity, cost_usd, estimated_usd,
    avoided_usd, reported_cost_usd, unpriced_reason
FROM spend_of(book={book:String})
ORDER BY id, meter, feature
