-- $1 id, $2 name, $3 description, $4 host, $5 port, $6 database_name, $7 username, $8 password, $9 ssl_mode:
-- NULL leaves a column alone. $10 capture, which is set when $11 is true.
UPDATE dbbat.databases
SET name          = coalesce($2, name),
    description   = coalesce($3, description),
    host          = coalesce($4, host),
    port          = coalesce($5, port),
    database_name = coalesce($6, database_name),
    username      = coalesce($7, username),
    password      = coalesce($8, password),
    ssl_mode      = coalesce($9, ssl_mode),
    capture       = CASE WHEN $11::boolean THEN $10::boolean ELSE capture END,
    updated_at    = now()
WHERE id = $1
RETURNING id, name, description, host, port, database_name, username, ssl_mode, capture, created_at, updated_at
