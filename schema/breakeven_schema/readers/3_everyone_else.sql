-- A table that has any row policy may show nothing to users without one: all but readers go on seeing every row, the
-- collector first of all.
CREATE ROW POLICY IF NOT EXISTS breakeven_everyone_else ON <database>.<project_table>
AS PERMISSIVE FOR SELECT USING 1 TO ALL EXCEPT breakeven_reader
