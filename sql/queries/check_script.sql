-- On a target: lines of SQL that make a role for read grants. $1 its name
SELECT line
FROM (
	SELECT 1 AS part, format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD ''CHANGE-ME'';', $1::text) AS line
	UNION ALL
	SELECT 2, format('GRANT CONNECT ON DATABASE %I TO %I;', current_database(), $1)
	UNION ALL
	-- of sequences their state, which pg_dump reads
	SELECT 3, format('GRANT USAGE ON SCHEMA %1$I TO %2$I; GRANT SELECT ON ALL TABLES IN SCHEMA %1$I TO %2$I; '
	    'GRANT SELECT ON ALL SEQUENCES IN SCHEMA %1$I TO %2$I;', n.nspname, $1)
	FROM pg_namespace n
	WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
	AND EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm'))
	UNION ALL
	SELECT DISTINCT 4, format('ALTER DEFAULT PRIVILEGES FOR ROLE %1$I IN SCHEMA %2$I GRANT SELECT ON TABLES TO %3$I; '
	    'ALTER DEFAULT PRIVILEGES FOR ROLE %1$I IN SCHEMA %2$I GRANT SELECT ON SEQUENCES TO %3$I;',
	    pg_get_userbyid(c.relowner), n.nspname, $1)
	FROM pg_namespace n
	JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm')
	WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
) AS script
ORDER BY part, line
