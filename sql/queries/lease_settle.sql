-- A session has ended: what it was given and has not used goes back, once. $1 connection id,
-- $2 statements and $3 bytes it has used; or NULL, and $4 and $5 what it has left.
WITH locked AS (
	SELECT l.connection_id
	FROM dbbat.leases l
	JOIN dbbat.grant_usage u ON u.grant_id = l.grant_id
	WHERE l.connection_id = $1::bigint
	FOR UPDATE OF u
), gone AS (
	DELETE FROM dbbat.leases l
	USING locked
	WHERE l.connection_id = locked.connection_id
	RETURNING l.grant_id,
	          greatest(0, least(l.queries, coalesce(l.queries - $2::bigint, $4::bigint))) AS queries,
	          greatest(0, least(l.bytes, coalesce(l.bytes - $3::bigint, $5::bigint))) AS bytes
)
UPDATE dbbat.grant_usage u
SET queries = greatest(0, u.queries - gone.queries), bytes = greatest(0, u.bytes - gone.bytes)
FROM gone
WHERE u.grant_id = gone.grant_id
