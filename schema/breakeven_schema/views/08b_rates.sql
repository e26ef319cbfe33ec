-- The rates of the active book.
CREATE OR REPLACE VIEW rates AS SELECT * FROM rates_of(book = '')
