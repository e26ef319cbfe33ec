-- Last: until then the user may read nothing.
GRANT breakeven_reader TO <user>
