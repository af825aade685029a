-- Takes at most $2 statements and $3 bytes from the quotas of grant $1, less as they run out; one row
-- while the grant exists. The row lock makes it exact over sessions and nodes.
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
), taken AS (
	UPDATE dbbat.grant_usage u
	SET queries = u.queries + lease.queries, bytes = u.bytes + lease.bytes
	FROM lease
	WHERE u.grant_id = lease.grant_id AND (lease.queries > 0 OR lease.bytes > 0)
)
SELECT CASE WHEN lease.grant_id IS NOT NULL THEN 'active'
            WHEN g.revoked_at IS NOT NULL THEN 'revoked'
            ELSE 'expired' END AS state,
       coalesce(lease.queries, 0) AS queries, coalesce(lease.bytes, 0) AS bytes
FROM dbbat.grants g
LEFT JOIN lease ON lease.grant_id = g.id
WHERE g.id = $1::bigint
