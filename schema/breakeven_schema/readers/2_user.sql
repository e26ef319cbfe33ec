-- The reader of one project. Nothing is granted but the role: no FILE, URL, REMOTE or CREATE TEMPORARY TABLE.
CREATE USER OR REPLACE <user> IDENTIFIED WITH sha256_hash BY '<password_sha256>' DEFAULT ROLE breakeven_reader
