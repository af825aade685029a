-- Less to keep up for each row of the log. A grant belongs to one user, so what was done under it is among what that user
-- did, and the index of users tells without the rows; the time of the rows grows with the table, so a summary of each
-- megabyte will do. All is built before anything is dropped: the log can be read meanwhile, but not added to.
--
-- It takes a second or two for each million rows. The first is the larger one, and an index that is there already on a
-- partition is taken over: dbbat(8) tells how to build them before.

SET LOCAL maintenance_work_mem = '256MB';
CREATE INDEX queries_user_grant ON dbbat.queries (user_id, id, grant_id);
-- New rows are in no summary until a range of them is full and autovacuum comes by.
CREATE INDEX queries_time ON dbbat.queries USING brin (executed_at) WITH (autosummarize = on);

DROP INDEX dbbat.queries_user, dbbat.queries_grant, dbbat.queries_executed_at;
ALTER INDEX dbbat.queries_user_grant RENAME TO queries_user;
ALTER INDEX dbbat.queries_time RENAME TO queries_executed_at;

-- --- retention does without the time of the first statement -------------------------------------

CREATE OR REPLACE VIEW dbbat.log_partitions AS
SELECT p.relname::text AS "table", c.relname::text AS name,
       substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \(''([^'']+)''\)')::timestamptz AS upper,
       substring(pg_get_expr(c.relpartbound, c.oid) from 'FROM \(''([^'']+)''\)')::timestamptz AS lower
FROM pg_inherits i
JOIN pg_class p ON p.oid = i.inhparent
JOIN pg_class c ON c.oid = i.inhrelid
WHERE p.relnamespace = 'dbbat'::regnamespace AND p.relname IN ('queries', 'query_results');
COMMENT ON VIEW dbbat.log_partitions IS
	'upper: what is older is in it or before it; NULL: the default partition. lower: where it begins; NULL: nowhere';

-- Everything older than `retention` goes: partitions whole, the rest a limited number of rows at a time. Returns
-- how many partitions and rows went.
CREATE OR REPLACE FUNCTION dbbat.log_expire(retention interval) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '3s' AS $$
DECLARE
	bound  CONSTANT timestamptz := now() - retention;
	batch  CONSTANT integer := 10000;
	oldest timestamptz;
	part   text;
	n      bigint;
	gone   bigint := 0;
BEGIN
	IF NOT pg_try_advisory_xact_lock(430772904309) THEN
		RETURN NULL;
	END IF;
	FOR part IN SELECT name FROM dbbat.log_partitions WHERE upper <= bound ORDER BY upper, name LOOP
		EXECUTE format('DROP TABLE dbbat.%I', part);
		gone := gone + 1;
	END LOOP;
	DELETE FROM dbbat.query_results_default WHERE executed_at < bound;
	DELETE FROM dbbat.queries_default WHERE executed_at < bound;
	GET DIAGNOSTICS n = ROW_COUNT;
	gone := gone + n;
	-- Who made a statement is known as long as the statement is there. None is older than the first partition, but for those
	-- without one, of which the older have just gone.
	SELECT least(bound, min(coalesce(lower, '-infinity'))) INTO oldest
	FROM dbbat.log_partitions WHERE "table" = 'queries' AND upper IS NOT NULL;
	DELETE FROM dbbat.connections WHERE id IN (
		SELECT id FROM dbbat.connections WHERE started_at < oldest AND ended_at < oldest ORDER BY started_at LIMIT batch);
	GET DIAGNOSTICS n = ROW_COUNT;
	gone := gone + n;
	DELETE FROM dbbat.audit_events WHERE id IN (
		SELECT id FROM dbbat.audit_events WHERE at < bound ORDER BY at LIMIT batch);
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN gone + n;
END $$;
