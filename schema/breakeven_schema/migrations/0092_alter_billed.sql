-- Tags of the charge: what a cloud's account says of whose it is.
ALTER TABLE billed ADD COLUMN IF NOT EXISTS tags Map(String, String) COMMENT 'tags of a FOCUS file, name to value' AFTER amount_usd
