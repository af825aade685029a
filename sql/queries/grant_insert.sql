-- $1 user_id, $2 database_id, $3 access_level, $4 starts_at, $5 expires_at, $6 max_queries, $7 max_bytes, $8 granted_by
INSERT INTO dbbat.grants (user_id, database_id, access_level, starts_at, expires_at, max_queries, max_bytes, granted_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING id
