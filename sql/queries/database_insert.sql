-- $1 id, $2 name, $3 description, $4 host, $5 port, $6 database_name, $7 username, $8 password, $9 ssl_mode, $10 capture
INSERT INTO dbbat.databases (id, name, description, host, port, database_name, username, password, ssl_mode, capture)
VALUES ($1, $2, coalesce($3, ''), $4, coalesce($5, 5432), $6, $7, $8, coalesce($9, 'prefer'), $10)
RETURNING id, name, description, host, port, database_name, username, ssl_mode, capture, created_at, updated_at
