-- Takes at most $2 statements and $3 bytes from the quotas of grant $1 for connection $4, less as they run out; one row
-- while the grant exists. The row lock makes it exact over sessions and nodes. Nothing is counted
-- but what the connection's own row has too, and that is gone once it is settled.
WITH counters AS (
	SELECT u.grant_id,
	       g.max_queries - u.queries AS queries_left,
	       g.max_bytes - u.bytes AS bytes_left
	FROM dbbat.grant_usage u
	JOIN dbbat.grants g ON g.id = u.grant_id
	WHERE u.grant_id = $1::bigint
	AND g.revoked_at IS NULL AND g.starts_at <= now() AND now() < g.expires_at
	FOR UPDATE OF u
), lease AS (
	SELECT grant_id,
	       CASE WHEN queries_left IS NULL THEN $2::bigint
	            ELSE greatest(0, least($2::bigint, greatest(1, queries_left / 8), queries_left)) END AS queries,
	       CASE WHEN bytes_left IS NULL THEN $3::bigint
	            ELSE greatest(0, least($3::bigint, greatest(65536, bytes_left / 8), bytes_left)) END AS bytes
	FROM counters
), given AS (
	UPDATE dbbat.leases l
	SET queries = l.queries + lease.queries, bytes = l.bytes + lease.bytes,
	    -- who asks for more has used what he had, or will say so
	    queries_used = CASE WHEN $2::bigint > 0 THEN l.queries ELSE l.queries_used END,
	    bytes_used = CASE WHEN $3::bigint > 0 THEN l.bytes ELSE l.bytes_used END
	FROM lease
	WHERE l.connection_id = $4::bigint AND l.grant_id = lease.grant_id
	RETURNING lease.grant_id, lease.queries, lease.bytes
), taken AS (
	UPDATE dbbat.grant_usage u
	SET queries = u.queries + given.queries, bytes = u.bytes + given.bytes
	FROM given
	WHERE u.grant_id = given.grant_id AND (given.queries > 0 OR given.bytes > 0)
)
SELECT CASE WHEN given.grant_id IS NOT NULL THEN 'active'
            WHEN g.revoked_at IS NOT NULL THEN 'revoked'
            WHEN g.expires_at <= now() THEN 'expired'
            ELSE 'connection' END AS state,
       coalesce(given.queries, 0) AS queries, coalesce(given.bytes, 0) AS bytes
FROM dbbat.grants g
LEFT JOIN given ON given.grant_id = g.id
WHERE g.id = $1::bigint
