-- Of these sessions, those that must end, and why.
-- $1 connection ids, $2 their grants, $3 and $4 the marks login_grant.sql gave them.
SELECT s.connection_id,
       CASE WHEN g.id IS NULL OR g.revoked_at IS NOT NULL THEN 'revoked'
            WHEN g.expires_at <= now() THEN 'expired'
            WHEN c.id IS NULL OR c.ended THEN 'connection'
            WHEN u.mark IS DISTINCT FROM s.user_mark THEN 'user'
            ELSE 'database' END AS reason
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[])
     AS s (connection_id, grant_id, user_mark, database_mark)
LEFT JOIN dbbat.grants g ON g.id = s.grant_id
LEFT JOIN LATERAL (
	-- what other nodes thought of ours when it could not reach storage is no end
	SELECT id, end_asked_at IS NOT NULL OR (ended_at IS NOT NULL AND end_reason IS DISTINCT FROM 'node lost') AS ended
	-- a storage that was put back to an earlier state gives ids out again: that is another's connection
	FROM dbbat.connections WHERE id = s.connection_id AND grant_id = s.grant_id) AS c ON true
LEFT JOIN LATERAL (
	SELECT encode(sha256(convert_to(username, 'UTF8') || scram_verifier), 'hex') AS mark
	FROM dbbat.users WHERE id = g.user_id AND NOT is_disabled) AS u ON true
LEFT JOIN LATERAL (
	SELECT dbbat.database_mark(b) AS mark
	FROM dbbat.databases b WHERE b.id = g.database_id) AS d ON true
WHERE g.id IS NULL OR g.revoked_at IS NOT NULL OR g.expires_at <= now()
OR c.id IS NULL OR c.ended OR u.mark IS DISTINCT FROM s.user_mark OR d.mark IS DISTINCT FROM s.database_mark
