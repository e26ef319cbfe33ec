-- spend_of with the book that is active: the name that queries use.
CREATE OR REPLACE VIEW spend AS SELECT * FROM spend_of(book='')
