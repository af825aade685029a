-- On a target: ways out of the database, into other servers, files and programs. See check_roles.sql.
WITH self AS (
	SELECT oid, rolsuper FROM pg_roles WHERE rolname = current_user
), me AS (
	SELECT r.oid FROM pg_roles r, self
	WHERE r.oid = self.oid OR (NOT self.rolsuper AND pg_has_role(current_user, r.oid, 'MEMBER'))
), found AS (
	-- a view may read it for who may not
	SELECT 'foreign-table' AS kind, t.ftrelid::regclass::text || ' (' || w.fdwname ||
	       CASE WHEN w.fdwname = 'file_fdw' AND 'program' IN (SELECT split_part(o, '=', 1) FROM unnest(t.ftoptions) AS o)
	            THEN ', runs a program)' ELSE ')' END AS name, NULL::text AS remedy
	FROM pg_foreign_table t
	JOIN pg_foreign_server s ON s.oid = t.ftserver
	JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
	UNION ALL
	SELECT 'user-mapping', 'server ' || quote_ident(m.srvname) || ' for ' || m.usename, NULL
	FROM pg_user_mappings m
	WHERE m.umuser = 0 OR m.umuser IN (SELECT oid FROM me)
	UNION ALL
	SELECT 'foreign-server', 'server ' || quote_ident(s.srvname),
	       CASE WHEN has_server_privilege('public', s.oid, 'USAGE')
	            THEN 'REVOKE USAGE ON FOREIGN SERVER ' || quote_ident(s.srvname) || ' FROM PUBLIC;' END
	FROM pg_foreign_server s
	WHERE EXISTS (SELECT FROM me WHERE has_server_privilege(me.oid, s.oid, 'USAGE'))
	UNION ALL
	SELECT 'foreign-server', 'foreign-data wrapper ' || quote_ident(w.fdwname),
	       CASE WHEN has_foreign_data_wrapper_privilege('public', w.oid, 'USAGE')
	            THEN 'REVOKE USAGE ON FOREIGN DATA WRAPPER ' || quote_ident(w.fdwname) || ' FROM PUBLIC;' END
	FROM pg_foreign_data_wrapper w
	WHERE EXISTS (SELECT FROM me WHERE has_foreign_data_wrapper_privilege(me.oid, w.oid, 'USAGE'))
	UNION ALL
	SELECT 'extension', e.extname, NULL
	FROM pg_extension e
	WHERE e.extname ~ '^(adminpack|dblink|http|pg_background|pg_cron|pg_net|pg_surgery|plproxy|plsh|xml2)$|_fdw$'
	OR EXISTS (
		SELECT FROM pg_depend d
		WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
		AND (d.classid = 'pg_foreign_data_wrapper'::regclass
		     OR (d.classid = 'pg_language'::regclass AND NOT (SELECT lanpltrusted FROM pg_language l WHERE l.oid = d.objid))))
)
SELECT kind, name, remedy FROM found ORDER BY kind, name
