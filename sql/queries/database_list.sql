-- For admins. $1 id, $2 unused (always NULL), $3 cursor, $4 limit, $5 name
SELECT id, name, description, host, port, database_name, username, ssl_mode, capture,
       ssl_root_cert, ssl_cert, read_username, created_at, updated_at
FROM dbbat.databases
WHERE ($1::bigint IS NULL OR id = $1)
  AND $2::bigint IS NULL
  AND ($3::bigint IS NULL OR id > $3)
  AND ($5::text IS NULL OR name = $5)
ORDER BY id
LIMIT $4
