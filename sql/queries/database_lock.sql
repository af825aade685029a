-- The row as it is, kept as it is: no grant can come to refer to it before the end of the transaction.
SELECT id, name, description, host, port, database_name, username, ssl_mode, capture,
       ssl_root_cert, ssl_cert, read_username, created_at, updated_at
FROM dbbat.databases
WHERE id = $1
FOR UPDATE
