-- On a target: what the role owns, may write to, or may make. See check_roles.sql.
WITH self AS (
	SELECT oid, rolsuper FROM pg_roles WHERE rolname = current_user
), me AS (
	SELECT r.oid FROM pg_roles r, self
	WHERE r.oid = self.oid OR (NOT self.rolsuper AND pg_has_role(current_user, r.oid, 'MEMBER'))
), relation AS (
	SELECT oid, relkind, oid::regclass::text AS name FROM pg_class
	WHERE oid >= 16384 AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND relpersistence <> 't'
), found AS (
	SELECT 'owned' AS kind, pg_describe_object(d.classid, d.objid, d.objsubid) AS name, NULL::text AS remedy
	FROM pg_shdepend d
	JOIN me ON me.oid = d.refobjid
	WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype = 'o'
	AND (d.dbid = 0 OR d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()))
	UNION ALL
	SELECT 'writable-table', name,
	       CASE WHEN has_table_privilege('public', oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
	            OR has_any_column_privilege('public', oid, 'INSERT, UPDATE, REFERENCES')
	            THEN 'REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON ' || name || ' FROM PUBLIC;' END
	FROM relation
	WHERE relkind <> 'S' AND EXISTS (SELECT FROM me
		WHERE has_table_privilege(me.oid, relation.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
		OR has_any_column_privilege(me.oid, relation.oid, 'INSERT, UPDATE, REFERENCES'))
	UNION ALL
	SELECT 'sequence', name,
	       CASE WHEN has_sequence_privilege('public', oid, 'USAGE, UPDATE')
	            THEN 'REVOKE USAGE, UPDATE ON SEQUENCE ' || name || ' FROM PUBLIC;' END
	FROM relation
	WHERE relkind = 'S' AND EXISTS (SELECT FROM me WHERE has_sequence_privilege(me.oid, relation.oid, 'USAGE, UPDATE'))
	UNION ALL
	SELECT 'create', 'schema ' || quote_ident(nspname),
	       CASE WHEN has_schema_privilege('public', oid, 'CREATE')
	            THEN 'REVOKE CREATE ON SCHEMA ' || quote_ident(nspname) || ' FROM PUBLIC;' END
	FROM pg_namespace n
	WHERE nspname !~ '^pg_(toast_)?temp_' AND EXISTS (SELECT FROM me WHERE has_schema_privilege(me.oid, n.oid, 'CREATE'))
	UNION ALL
	SELECT 'create', 'database ' || quote_ident(current_database()),
	       CASE WHEN has_database_privilege('public', current_database(), 'CREATE')
	            THEN 'REVOKE CREATE ON DATABASE ' || quote_ident(current_database()) || ' FROM PUBLIC;' END
	WHERE EXISTS (SELECT FROM me WHERE has_database_privilege(me.oid, current_database(), 'CREATE'))
	UNION ALL
	SELECT 'temporary', 'database ' || quote_ident(current_database()), NULL
	WHERE EXISTS (SELECT FROM me WHERE has_database_privilege(me.oid, current_database(), 'TEMPORARY'))
	UNION ALL
	SELECT 'large-object', 'large object ' || l.oid,
	       CASE WHEN a.grantee = 0 THEN 'REVOKE UPDATE ON LARGE OBJECT ' || l.oid || ' FROM PUBLIC;' END
	FROM pg_largeobject_metadata l, aclexplode(l.lomacl) a
	WHERE a.privilege_type = 'UPDATE' AND (a.grantee = 0 OR a.grantee IN (SELECT oid FROM me))
	UNION ALL
	SELECT 'large-object', 'all of them: lo_compat_privileges is on', NULL WHERE current_setting('lo_compat_privileges')::boolean
)
SELECT kind, name, remedy FROM found ORDER BY kind, name
