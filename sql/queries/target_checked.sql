-- Keeps a report and records that the check was made; no row when the database was changed meanwhile.
-- $1 database id, $2 mark, $3 reachable, $4 clean, $5 report, $6 actor id or NULL, $7 actor, $8 source
WITH kept AS (
	INSERT INTO dbbat.database_checks (database_id, mark, reachable, clean, report)
	SELECT d.id, $2, $3::boolean, $4::boolean, $5::json
	FROM dbbat.databases d
	WHERE d.id = $1::bigint AND dbbat.database_mark(d) = $2
	ON CONFLICT (database_id) DO UPDATE
	SET mark = excluded.mark, checked_at = now(), reachable = excluded.reachable, clean = excluded.clean,
	    report = excluded.report
	RETURNING database_id
), told AS (
	INSERT INTO dbbat.audit_events (actor_id, actor, source, action, object_type, object_id, detail)
	SELECT $6::bigint, $7, $8, 'database.check', 'database', database_id,
	       CASE WHEN NOT $3::boolean THEN 'not reachable' WHEN $4::boolean THEN 'nothing found' ELSE 'findings' END
	FROM kept
)
SELECT database_id FROM kept
