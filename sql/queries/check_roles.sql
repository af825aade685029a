-- On a target: what the role is, and what it is a member of. Like all of check_*.sql it tells what was found
-- by kind and name, and the statement that mends what everybody was granted; what the role may become by SET ROLE
-- counts as its own.
WITH self AS (
	SELECT oid, rolsuper FROM pg_roles WHERE rolname = current_user
), me AS (
	SELECT r.* FROM pg_roles r, self
	WHERE r.oid = self.oid OR (NOT self.rolsuper AND pg_has_role(current_user, r.oid, 'MEMBER'))
), found AS (
	SELECT 'superuser' AS kind, rolname::text AS name, NULL::text AS remedy FROM me WHERE rolsuper
	UNION ALL
	SELECT 'role-attribute', me.rolname || ' ' || a.name, NULL
	FROM me, LATERAL (VALUES ('CREATEROLE', rolcreaterole), ('CREATEDB', rolcreatedb),
	    ('REPLICATION', rolreplication), ('BYPASSRLS', rolbypassrls)) AS a (name, given)
	WHERE a.given
	UNION ALL
	-- every role the server came with but those that only read
	SELECT 'predefined-role', r.rolname, NULL
	FROM pg_roles r
	WHERE r.oid < 16384 AND r.rolname LIKE 'pg\_%' AND pg_has_role(current_user, r.oid, 'MEMBER')
	AND r.rolname NOT IN ('pg_read_all_data', 'pg_read_all_settings', 'pg_read_all_stats', 'pg_stat_scan_tables',
	    'pg_monitor', 'pg_use_reserved_connections')
	UNION ALL
	-- what is refused by name, and what cannot be: statistics are values of the columns
	SELECT 'credentials', c.name, NULL
	FROM (VALUES ('pg_authid'), ('pg_subscription'), ('pg_user_mapping')) AS c (name)
	WHERE EXISTS (SELECT FROM me WHERE has_table_privilege(me.oid, 'pg_catalog.' || c.name, 'SELECT'))
	UNION ALL
	SELECT 'credentials', 'statistics of ' || tablename, NULL
	FROM pg_stats
	WHERE schemaname = 'pg_catalog' AND (tablename, attname)
	    IN (('pg_authid', 'rolpassword'), ('pg_subscription', 'subconninfo'), ('pg_user_mapping', 'umoptions'))
)
SELECT kind, name, remedy FROM found ORDER BY kind, name
