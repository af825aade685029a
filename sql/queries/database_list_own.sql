-- For users: what they have or will have a grant for, and nothing about where it is.
-- $1 id, $2 user, $3 cursor, $4 limit, $5 name
SELECT d.id, d.name, d.description
FROM dbbat.databases d
WHERE ($1::bigint IS NULL OR d.id = $1)
  AND EXISTS (SELECT FROM dbbat.grants g
              WHERE g.database_id = d.id AND g.user_id = $2 AND g.revoked_at IS NULL AND g.expires_at > now())
  AND ($3::bigint IS NULL OR d.id > $3)
  AND ($5::text IS NULL OR d.name = $5)
ORDER BY d.id
LIMIT $4
