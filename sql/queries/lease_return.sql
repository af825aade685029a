-- A lease that did not reach its session. $1 connection id, $2 statements, $3 bytes.
-- The grant's row is locked first, here and wherever both are.
WITH locked AS (
	SELECT l.connection_id, l.grant_id, least(l.queries, $2::bigint) AS queries, least(l.bytes, $3::bigint) AS bytes
	FROM dbbat.leases l
	JOIN dbbat.grant_usage u ON u.grant_id = l.grant_id
	WHERE l.connection_id = $1::bigint
	FOR UPDATE OF u
), back AS (
	UPDATE dbbat.leases l
	SET queries = l.queries - locked.queries, bytes = l.bytes - locked.bytes
	FROM locked
	WHERE l.connection_id = locked.connection_id
	RETURNING locked.*
)
UPDATE dbbat.grant_usage u
SET queries = greatest(0, u.queries - back.queries), bytes = greatest(0, u.bytes - back.bytes)
FROM back
WHERE u.grant_id = back.grant_id
