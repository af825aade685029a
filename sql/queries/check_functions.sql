-- On a target: functions the role may execute that may do more than compute. See check_roles.sql.
-- A function that calls itself stable is not believed where its text names what has effects.
WITH self AS (
	SELECT oid, rolsuper FROM pg_roles WHERE rolname = current_user
), me AS (
	SELECT r.oid FROM pg_roles r, self
	WHERE r.oid = self.oid OR (NOT self.rolsuper AND pg_has_role(current_user, r.oid, 'MEMBER'))
), effects AS (
	-- builtin functions that do more than compute: volatile, and not one of these
	SELECT oid, proname FROM pg_proc
	WHERE oid < 16384 AND pronamespace = 'pg_catalog'::regnamespace AND provolatile = 'v'
	AND prorettype <> ALL ('{trigger,event_trigger,internal}'::regtype[]) AND 'internal'::regtype <> ALL (proargtypes)
	AND proname NOT IN ('random', 'random_normal', 'clock_timestamp', 'timeofday', 'gen_random_uuid', 'uuidv4', 'uuidv7',
	    'pg_stat_get_activity', 'pg_lock_status', 'pg_cursor', 'pg_prepared_statement', 'pg_stat_clear_snapshot')
), tree AS (
	SELECT ':(win|op)?(func|fn)(id|oid) (' || string_agg(oid::text, '|') || ') ' AS effects,
	       ':funcid (' || string_agg(oid::text, '|') FILTER (WHERE proname IN ('pg_terminate_backend', 'pg_cancel_backend')) || ') ' AS kill
	FROM effects
), executable AS (
	SELECT p.oid, p.oid::regprocedure::text AS name, p.prosecdef, p.provolatile, l.lanpltrusted,
	       p.prosrc || coalesce(to_jsonb(p)->>'proconfig', '') AS text, to_jsonb(p)->>'prosqlbody' AS body, p.prokind,
	       CASE WHEN has_function_privilege('public', p.oid, 'EXECUTE')
	            THEN 'REVOKE EXECUTE ON ROUTINE ' || p.oid::regprocedure || ' FROM PUBLIC;' END AS remedy
	FROM pg_proc p
	JOIN pg_language l ON l.oid = p.prolang
	WHERE p.oid >= 16384
	AND p.prorettype <> ALL ('{trigger,event_trigger,internal,language_handler,fdw_handler,index_am_handler,tsm_handler,table_am_handler}'::regtype[])
	AND 'internal'::regtype <> ALL (p.proargtypes)
	AND EXISTS (SELECT FROM me WHERE has_function_privilege(me.oid, p.oid, 'EXECUTE'))
	-- extensions that are known to compute only
	AND NOT EXISTS (
		SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
		WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
		AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
		AND e.extname IN ('btree_gin', 'btree_gist', 'citext', 'cube', 'dict_int', 'dict_xsyn', 'earthdistance', 'fuzzystrmatch',
		    'hstore', 'intarray', 'isn', 'ltree', 'pg_trgm', 'pgcrypto', 'seg', 'unaccent', 'uuid-ossp', 'vector'))
), found AS (
	SELECT CASE WHEN prosecdef THEN 'security-definer'
	            WHEN NOT lanpltrusted THEN 'untrusted-function'
	            WHEN text ~* 'pg_(terminate|cancel)_backend' OR body ~ tree.kill THEN 'kill'
	            ELSE 'function' END AS kind, name, remedy
	FROM executable, tree
	WHERE prokind <> 'a'
	AND (prosecdef OR NOT lanpltrusted OR provolatile = 'v' OR body ~ tree.effects
		OR text ~* 'execute|u&"|set_config|nextval|setval|dblink|\m"?(pg_|lo_|lo[^[:alnum:]]|txid_)')
	UNION ALL
	-- the functions of an aggregate run with its owner's leave
	SELECT 'function', 'aggregate ' || executable.name, executable.remedy
	FROM executable
	JOIN pg_aggregate a ON a.aggfnoid = executable.oid
	JOIN pg_proc p ON p.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn,
	    a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn)
	WHERE p.oid >= 16384 OR p.provolatile = 'v'
	GROUP BY executable.name, executable.remedy
	UNION ALL
	SELECT DISTINCT CASE WHEN v.tree ~ tree.kill THEN 'kill' ELSE 'view' END, v.kind || ' ' || v.name, NULL
	FROM tree, (
		SELECT 'view' AS kind, r.ev_class::regclass::text AS name, r.ev_action::text AS tree
		FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
		WHERE r.ev_type = '1' AND c.oid >= 16384 AND c.relkind = 'v'
		UNION ALL
		SELECT 'policy on', polrelid::regclass::text, polqual::text FROM pg_policy WHERE polqual IS NOT NULL
		UNION ALL
		SELECT 'domain', contypid::regtype::text, conbin::text FROM pg_constraint WHERE contypid >= 16384 AND conbin IS NOT NULL
		UNION ALL
		SELECT 'type', format_type(t.oid, NULL), t.typdefaultbin::text FROM pg_type t WHERE t.oid >= 16384 AND t.typdefaultbin IS NOT NULL
	) AS v
	WHERE v.tree ~ tree.effects
	UNION ALL
	-- what the server came with and gives to nobody by itself
	SELECT 'builtin', p.oid::regprocedure::text,
	       CASE WHEN has_function_privilege('public', p.oid, 'EXECUTE')
	            THEN 'REVOKE EXECUTE ON ROUTINE ' || p.oid::regprocedure || ' FROM PUBLIC;' END
	FROM pg_init_privs i
	JOIN pg_proc p ON p.oid = i.objoid
	WHERE i.classoid = 'pg_proc'::regclass AND i.privtype = 'i' AND p.oid < 16384
	AND EXISTS (SELECT FROM me WHERE has_function_privilege(me.oid, p.oid, 'EXECUTE'))
	AND p.proname !~ '^(pg_ls_|pg_show_|pg_get_|pg_stat_|pg_config$|pg_current_logfile$|pg_hba_file_rules$|pg_ident_file_mappings$)'
)
SELECT kind, name, remedy FROM found ORDER BY kind, name
