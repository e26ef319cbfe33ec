-- The names that calls of a project, or of all, came with since `from`, what they cost, and what the active book says of
-- them at the moment `now`.
WITH
    used AS
    (
        SELECT provider, model, price_context, any(s.name_id) AS name_id,
            sum(s.calls) AS calls, sumIf(s.calls, s.cost_usd IS NULL) AS unpriced_calls, sum(s.cost_usd) AS cost_usd,
            groupUniqArray(s.unpriced_reason) AS unpriced_reasons,
            groupUniqArrayIf(if(s.basis = 'reported', 'reported', s.price_source), s.cost_usd IS NOT NULL) AS price_sources
        FROM spend AS s
        WHERE (project = {project:String} OR {every_project:Bool})
            AND grain = 'day' AND at >= toDateTime({from:UInt32}, 'UTC') AND counted IN ('yes', 'late')
        GROUP BY provider, model, price_context
        HAVING calls != 0 OR cost_usd != 0
    ),
    today AS
    (
        SELECT * FROM price_book FINAL
        WHERE book_version = (SELECT argMax(book_version, loaded_at) FROM price_books)
            AND tier_start = 0 AND day_start = 0 AND valid_from <= toDateTime({now:UInt32}, 'UTC')
        ORDER BY valid_from DESC
        LIMIT 1 BY price_id
    ),
    own AS
    (
        SELECT name_id, groupUniqArray(entry_id) AS entry_ids, max(amortised) AS amortised
        FROM override_rates
        WHERE (project IN ('', {project:String}) OR {every_project:Bool})
            AND valid_from <= toDateTime({now:UInt32}, 'UTC') AND valid_to > toDateTime({now:UInt32}, 'UTC')
        GROUP BY name_id
    )
SELECT
    u.provider AS provider, u.model AS model, u.price_context AS price_context,
    n.book_provider AS book_provider, n.book_model AS book_model, n.book_context AS book_context, n.reason AS reason,
    u.calls AS calls, u.unpriced_calls AS unpriced_calls, u.cost_usd AS cost_usd, u.unpriced_reasons AS unpriced_reasons,
    u.price_sources AS price_sources, o.entry_ids AS entry_ids, o.amortised AS amortised,
    t.uncached_usd_per_token, t.cache_read_usd_per_token, t.cache_write_5m_usd_per_token, t.cache_write_1h_usd_per_token,
    t.audio_input_usd_per_token, t.image_input_usd_per_token, t.answer_usd_per_token, t.reasoning_usd_per_token,
    t.audio_output_usd_per_token, t.image_output_usd_per_token, t.request_usd, t.meter_usd, t.source_url
FROM used AS u
LEFT JOIN (SELECT name_id, book_provider, book_model, book_context, price_id, reason FROM model_names FINAL) AS n ON n.name_id = u.name_id
LEFT JOIN today AS t ON t.price_id = n.price_id
LEFT JOIN own AS o ON o.name_id = u.name_id
ORDER BY u.cost_usd DESC NULLS LAST, calls DESC, provider, model, price_context
