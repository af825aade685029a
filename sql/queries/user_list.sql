-- $1 id, $2 the only user to be seen, $3 cursor, $4 limit, $5 username
SELECT id, username, is_admin, is_disabled, default_password, created_at, updated_at
FROM dbbat.users
WHERE ($1::bigint IS NULL OR id = $1)
  AND ($2::bigint IS NULL OR id = $2)
  AND ($3::bigint IS NULL OR id > $3)
  AND ($5::text IS NULL OR username = $5)
ORDER BY id
LIMIT $4
