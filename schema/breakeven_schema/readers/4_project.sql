-- The rows of one project.
CREATE ROW POLICY OR REPLACE <user> ON <database>.<project_table>
AS PERMISSIVE FOR SELECT USING <condition> TO <user>
