-- $1 id, $2 the only user to be seen, $3 cursor, $4 limit,
-- $5 user_id, $6 username, $7 database_id, $8 database, $9 access_level, $10 status
SELECT *
FROM (
	SELECT g.id, g.user_id, u.username, g.database_id, d.name AS database, g.access_level,
	       g.starts_at, g.expires_at, g.max_queries, g.max_bytes,
	       used.queries AS queries_used, used.bytes AS bytes_used,
	       greatest(0, g.max_queries - used.queries) AS queries_remaining,
	       greatest(0, g.max_bytes - used.bytes) AS bytes_remaining,
	       CASE WHEN g.revoked_at IS NOT NULL THEN 'revoked'
	            WHEN g.expires_at <= now() THEN 'expired'
	            WHEN g.starts_at > now() THEN 'pending'
	            ELSE 'active' END AS status,
	       g.granted_by, g.created_at, g.revoked_at, g.revoked_by
	FROM dbbat.grants g
	JOIN dbbat.users u ON u.id = g.user_id
	JOIN dbbat.databases d ON d.id = g.database_id
	LEFT JOIN dbbat.grant_usage s ON s.grant_id = g.id
	-- what open sessions hold and say they have not used is not used
	CROSS JOIN LATERAL (
		SELECT coalesce(s.queries - coalesce(sum(l.queries - l.queries_used), 0), 0)::bigint AS queries,
		       coalesce(s.bytes - coalesce(sum(l.bytes - l.bytes_used), 0), 0)::bigint AS bytes
		FROM dbbat.leases l WHERE l.grant_id = g.id) AS used
) g
WHERE ($1::bigint IS NULL OR id = $1)
  AND ($2::bigint IS NULL OR user_id = $2)
  AND ($3::bigint IS NULL OR id > $3)
  AND ($5::bigint IS NULL OR user_id = $5)
  AND ($6::text IS NULL OR username = $6)
  AND ($7::bigint IS NULL OR database_id = $7)
  AND ($8::text IS NULL OR database = $8)
  AND ($9::text IS NULL OR access_level = $9)
  AND ($10::text IS NULL OR status = $10)
ORDER BY id
LIMIT $4
