-- $1 id, $2 name, $3 description, $4 host, $5 port, $6 database_name, $7 username, $8 password, $9 ssl_mode:
-- $11 ssl_root_cert, $12 ssl_cert, $13 ssl_key, $14 read_username, $15 read_password:
-- NULL leaves a column alone. $10 capture, which is set when $16 is true.
UPDATE dbbat.databases
SET name          = coalesce($2, name),
    description   = coalesce($3, description),
    host          = coalesce($4, host),
    port          = coalesce($5, port),
    database_name = coalesce($6, database_name),
    username      = coalesce($7, username),
    password      = coalesce($8, password),
    ssl_mode      = coalesce($9, ssl_mode),
    capture       = CASE WHEN $16::boolean THEN $10::boolean ELSE capture END,
    ssl_root_cert = coalesce($11, ssl_root_cert),
    ssl_cert      = coalesce($12, ssl_cert),
    ssl_key       = coalesce($13, ssl_key),
    read_username = coalesce($14, read_username),
    read_password = coalesce($15, read_password),
    updated_at    = now()
WHERE id = $1
RETURNING id, name, description, host, port, database_name, username, ssl_mode, capture,
       ssl_root_cert, ssl_cert, read_username, created_at, updated_at
