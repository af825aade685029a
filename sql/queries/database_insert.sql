-- $1 id, $2 name, $3 description, $4 host, $5 port, $6 database_name, $7 username, $8 password, $9 ssl_mode, $10 capture,
-- $11 ssl_root_cert, $12 ssl_cert, $13 ssl_key, $14 read_username, $15 read_password
INSERT INTO dbbat.databases (id, name, description, host, port, database_name, username, password, ssl_mode, capture,
                             ssl_root_cert, ssl_cert, ssl_key, read_username, read_password)
VALUES ($1, $2, coalesce($3, ''), $4, coalesce($5, 5432), $6, $7, $8, coalesce($9, 'prefer'), $10,
        coalesce($11, ''), coalesce($12, ''), $13, coalesce($14, ''), $15)
RETURNING id, name, description, host, port, database_name, username, ssl_mode, capture,
       ssl_root_cert, ssl_cert, read_username, created_at, updated_at
