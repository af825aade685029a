-- Picks the most permissive active grant and opens the connection's row; no row: no access.
-- $1 user id, $2 the verifier the proof was checked against, $3 database name,
-- $4 capture where the database does not say, $5 client host, $6 client port, $7 tls, $8 application name,
-- $9 how long, in ms, the check of a target counts; past half of that another is due,
-- $10 node, $11 boot.
-- The marks tell later whether what the session was let in with has changed: as in keeper_check.sql.
WITH best AS (
	SELECT u.id AS user_id, u.username AS dbbat_user, d.id AS database_id, d.name AS dbbat_database,
	       g.id AS grant_id, g.access_level,
	       (extract(epoch FROM least(g.expires_at, now() + interval '100 years') - now()) * 1000000)::bigint
	           AS expires_in_us,
	       g.max_queries IS NOT NULL AS query_quota, g.max_bytes IS NOT NULL AS byte_quota,
	       coalesce(g.max_queries, 0) AS max_queries, coalesce(g.max_bytes, 0) AS max_bytes,
	       coalesce(d.capture, $4::boolean) AS capture,
	       d.host, d.port, d.database_name,
	       own.read_credential, CASE WHEN own.read_credential THEN d.read_username ELSE d.username END AS username,
	       CASE WHEN own.read_credential THEN d.read_password ELSE d.password END AS password,
	       d.ssl_mode, d.ssl_root_cert, d.ssl_cert, d.ssl_key,
	       encode(sha256(convert_to(u.username, 'UTF8') || u.scram_verifier), 'hex') AS user_mark,
	       dbbat.database_mark(d) AS database_mark,
	       coalesce(k.clean AND k.checked_at > now() - $9::bigint * interval '1 millisecond', false) AS role_clean,
	       k.checked_at IS NULL OR k.checked_at <= now() - CASE WHEN k.reachable THEN $9::bigint / 2
	           ELSE least($9::bigint / 2, 60000) END * interval '1 millisecond' AS check_due
	FROM dbbat.users u
	JOIN dbbat.grants g ON g.user_id = u.id
	JOIN dbbat.databases d ON d.id = g.database_id
	LEFT JOIN dbbat.database_checks k ON k.database_id = d.id AND k.mark = dbbat.database_mark(d)
	CROSS JOIN LATERAL (SELECT g.access_level = 'read' AND d.read_username <> '' AS read_credential) own
	WHERE u.id = $1::bigint AND NOT u.is_disabled AND u.scram_verifier = $2::bytea AND d.name = $3
	AND g.revoked_at IS NULL AND g.starts_at <= now() AND now() < g.expires_at
	ORDER BY (g.access_level = 'write') DESC, g.expires_at DESC, g.id
	LIMIT 1
), opened AS (
	INSERT INTO dbbat.connections (user_id, username, database_id, database, grant_id, access_level,
	    client_host, client_port, tls, application_name, node_id, boot_id)
	SELECT user_id, dbbat_user, database_id, dbbat_database, grant_id, access_level,
	    $5, $6::integer, $7::boolean, $8, $10, $11
	FROM best
	RETURNING id, (extract(epoch FROM started_at) * 1000000)::bigint AS started_us
), leases AS (
	INSERT INTO dbbat.leases (connection_id, grant_id)
	SELECT opened.id, best.grant_id FROM best, opened
	WHERE best.query_quota OR best.byte_quota
)
SELECT opened.id AS connection_id, opened.started_us, best.*
FROM best, opened
