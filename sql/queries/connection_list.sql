-- $1 id, $2 the only user to be seen, $3 cursor, $4 limit, $5 user_id, $6 username, $7 database_id, $8 database,
-- $9 grant_id, $10 since, $11 until, $12 active
SELECT id, user_id, username, database_id, database, grant_id, access_level, client_host, client_port, tls,
       application_name, started_at, ended_at, end_reason, queries, bytes
FROM dbbat.connections
WHERE ($1::bigint IS NULL OR id = $1)
  AND ($2::bigint IS NULL OR user_id = $2)
  AND ($3::bigint IS NULL OR id < $3)
  AND ($5::bigint IS NULL OR user_id = $5)
  AND ($6::text IS NULL OR username = $6)
  AND ($7::bigint IS NULL OR database_id = $7)
  AND ($8::text IS NULL OR database = $8)
  AND ($9::bigint IS NULL OR grant_id = $9)
  AND ($10::timestamptz IS NULL OR started_at >= $10)
  AND ($11::timestamptz IS NULL OR started_at < $11)
  AND ($12::boolean IS NULL OR (ended_at IS NULL) = $12)
ORDER BY id DESC
LIMIT $4
