-- Views read with the rights of who asks, so what they read is granted too; the row policies hold for it.
GRANT SELECT ON <database>.<table> TO breakeven_reader
