-- Calls that another tool kept and that were imported: docs/imports-history.md.
ALTER TABLE calls
    ADD COLUMN IF NOT EXISTS source LowCardinality(String) COMMENT 'tool whose export the call was imported from: litellm, langfuse, helicone; empty: a span',
    ADD COLUMN IF NOT EXISTS their_cost_usd Nullable(Decimal(38, 15)) COMMENT 'what that tool says the call cost; for comparison, never a price; NULL: says nothing'
