-- $1 user_id or $2 database_id: what is left of its grants.
DELETE FROM dbbat.grants
WHERE user_id = $1 OR database_id = $2
RETURNING id, user_id, database_id, access_level, starts_at, expires_at, max_queries, max_bytes,
          granted_by, created_at, revoked_at, revoked_by
